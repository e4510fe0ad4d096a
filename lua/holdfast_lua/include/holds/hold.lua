-- A hold that is there: unpacked, packed again, changed, or refused a change.

-- include: new_hold

local function pack_hold(hold)
  return cmsgpack.pack({ HOLD.values(hold) })
end

local function unpack_hold(id, value)
  local field = cmsgpack.unpack(value)
  return { id = id, HOLD.members(field) }
end

-- Every change of a hold moves its version.
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

-- What a refusal says of what stands in a hold's way, and of the hold where there is one.
local function get_obstacles(hold, seats, areas, own, wait_ms)
  hold, seats, areas, own, wait_ms = hold or '', seats or {}, areas or {}, own or {}, wait_ms or 0
  return OBSTACLES.names
end

-- Changing a hold that is there: reading it, and why a change must be refused.

local function load_hold(holds_key, id)
  local value = redis.call('HGET', holds_key, id)
  return value and unpack_hold(id, value) or nil
end

local function is_timed(hold) return hold.status <= STATUS.PAYING end
local function is_ended(hold) return hold.status >= STATUS.RELEASED end
local function is_overdue(hold, now_ms) return is_timed(hold) and hold.expires_ms <= now_ms end

-- Why a change of this hold must be refused, nil when it may go on. An empty owner and version 0
-- are not checked. The deadline decides here, whether a sweep has come by or not.
local function find_refusal(hold, owner, version, now_ms)
  if not hold then return CODE.HOLD_UNKNOWN end
  if owner ~= '' and owner ~= hold.buyer then return CODE.NOT_OWNER end
  if hold.status == STATUS.EXPIRED or is_overdue(hold, now_ms) then return CODE.HOLD_EXPIRED end
  if hold.status == STATUS.RELEASED then return CODE.HOLD_RELEASED end
  if version ~= 0 and version ~= hold.version then return CODE.HOLD_CHANGED end
  return nil
end
