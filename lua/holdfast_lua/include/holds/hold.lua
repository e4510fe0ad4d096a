-- Reads and writes stored holds, and says why a change of one is refused.

-- include: new_hold

local function pack_hold(hold)
  return cmsgpack.pack({ HOLD.values(hold) })
end

local function unpack_hold(id, value)
  local field = cmsgpack.unpack(value)
  return { id = id, HOLD.members(field) }
end

-- Stores a changed hold with the next version.
local function save_hold(holds_key, hold)
  hold.version = hold.version + 1
  hold.value = pack_hold(hold)
  redis.call('HSET', holds_key, hold.id, hold.value)
end

local function append_hold_event(sale, events_key, kind, hold, more)
  local data = more or {}
  data.buyer, data.seats, data.areas, data.total = hold.buyer, hold.seats, hold.areas, hold.total
  append_event(sale, events_key, kind, hold.id, data)
end

-- The values of a refusal: the units that are in a hold's way, and the hold where there is one.
local function explain_refusal(hold, seats, areas, own, wait_ms)
  hold, seats, areas, own, wait_ms = hold or '', seats or {}, areas or {}, own or {}, wait_ms or 0
  return HOLD_REFUSAL.names
end

-- Reading a stored hold, and why a change of it is refused.

local function load_hold(holds_key, id)
  local value = redis.call('HGET', holds_key, id)
  return value and unpack_hold(id, value) or nil
end

local function is_timed(hold) return hold.status <= STATUS.PAYING end
local function is_ended(hold) return hold.status >= STATUS.RELEASED end
local function is_overdue(hold, now_ms) return is_timed(hold) and hold.expires_ms <= now_ms end

-- Why a change of this hold must be refused, nil when it may go on. An empty owner and version 0
-- are not checked. The deadline decides, whether or not a sweep has ended the hold.
local function find_refusal(hold, owner, version, now_ms)
  if not hold then return CODE.HOLD_UNKNOWN end
  if owner ~= '' and owner ~= hold.buyer then return CODE.NOT_OWNER end
  if hold.status == STATUS.EXPIRED or is_overdue(hold, now_ms) then return CODE.HOLD_EXPIRED end
  if hold.status == STATUS.RELEASED then return CODE.HOLD_RELEASED end
  if version ~= 0 and version ~= hold.version then return CODE.HOLD_CHANGED end
  return nil
end
