-- Changing a hold that is there: reading it, and why a change must be refused.

-- include: hold

local function hold_load(holds_key, id)
  local value = redis.call('HGET', holds_key, id)
  return value and hold_unpack(id, value) or nil
end

local function hold_timed(hold) return hold.status <= PAYING end
local function hold_ended(hold) return hold.status >= RELEASED end
local function hold_overdue(hold, now_ms) return hold_timed(hold) and hold.expires_ms <= now_ms end

-- Why a change of this hold must be refused, nil when it may go on. An empty owner and version 0
-- are not checked. The deadline decides here, whether a sweep has come by or not.
local function hold_refusal(hold, owner, version, now_ms)
  if not hold then return CODE.HOLD_UNKNOWN end
  if owner ~= '' and owner ~= hold.buyer then return CODE.NOT_OWNER end
  if hold.status == EXPIRED or hold_overdue(hold, now_ms) then return CODE.HOLD_EXPIRED end
  if hold.status == RELEASED then return CODE.HOLD_RELEASED end
  if version ~= 0 and version ~= hold.version then return CODE.HOLD_CHANGED end
  return nil
end
