-- Holds: the packed value, the buyer's entry, and how a hold ends.
--
-- A hold is ONE msgpack array in the hash `holds`, its fields in the order of hold_pack (shared with
-- stock_records.py, nobody else knows it). `due` has an entry for every hold that time will change:
-- active and paying ones at their deadline, ended ones at the time they are forgotten. A hold that
-- is confirming or confirmed has none, nor has an ended one that the ledger knows.
--
-- `buyers` keeps "<units> <hold id>..." of the holds that have units: the limit per buyer is over
-- these. `keys` is a table with the names of stock_keys().

-- include: stock

local ACTIVE, PAYING, CONFIRMING, CONFIRMED, RELEASED, EXPIRED = 1, 2, 3, 4, 5, 6
local HOLD_KEPT_MS = 24 * 60 * 60 * 1000

local function stock_keys()
  return { events = KEYS[2], seats = KEYS[3], rows = KEYS[4], holds = KEYS[5], buyers = KEYS[6],
    due = KEYS[7] }
end

local function hold_pack(hold)
  return cmsgpack.pack({ hold.status, hold.version, hold.buyer, hold.created_ms, hold.expires_ms,
    hold.latest_ms, hold.seats, hold.prices, hold.areas, hold.rows, hold.total, hold.digest,
    hold.pass_id, hold.reason, hold.ledger, hold.order_ref })
end

local function hold_unpack(id, value)
  local field = cmsgpack.unpack(value)
  return { id = id, status = field[1], version = field[2], buyer = field[3],
    created_ms = field[4], expires_ms = field[5], latest_ms = field[6], seats = field[7],
    prices = field[8], areas = field[9], rows = field[10], total = field[11],
    digest = field[12], pass_id = field[13], reason = field[14], ledger = field[15],
    order_ref = field[16] }
end

local function hold_load(holds_key, id)
  local value = redis.call('HGET', holds_key, id)
  return value and hold_unpack(id, value) or nil
end

-- Every change of a hold moves its version.
local function hold_save(holds_key, hold)
  hold.version = hold.version + 1
  hold.value = hold_pack(hold)
  redis.call('HSET', holds_key, hold.id, hold.value)
end

local function hold_units(hold)
  local units = #hold.seats
  for at = 2, #hold.areas, 3 do units = units + hold.areas[at] end
  return units
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

-- `next_due_ms` says that nothing is due before it, so that most calls need not look at `due`.
local function due_set(sale, due_key, hold_id, at_ms)
  redis.call('ZADD', due_key, at_ms, hold_id)
  if sale.next_due_ms == 0 or at_ms < sale.next_due_ms then sale.next_due_ms = at_ms end
end

-- The buyer's units, and the text of the hold ids behind them.
local function buyer_units(buyers_key, buyer)
  local entry = redis.call('HGET', buyers_key, buyer)
  if not entry then return 0, '' end
  local units, ids = string.match(entry, '^(%d+)(.*)$')
  return tonumber(units), ids
end

local function buyer_add(buyers_key, buyer, units, ids, hold_id, count)
  redis.call('HSET', buyers_key, buyer, string.format('%.0f%s %s', units + count, ids, hold_id))
end

-- Takes units off the buyer; `gone` when the hold has none left.
local function buyer_remove(buyers_key, hold, count, gone)
  local units, ids = buyer_units(buyers_key, hold.buyer)
  if gone then
    local first, last = string.find(ids, ' ' .. hold.id, 1, true)
    if first then ids = string.sub(ids, 1, first - 1) .. string.sub(ids, last + 1) end
  end
  if ids == '' then
    redis.call('HDEL', buyers_key, hold.buyer)
  else
    redis.call('HSET', buyers_key, hold.buyer,
      string.format('%.0f%s', math.max(0, units - count), ids))
  end
end

local function hold_event(sale, events_key, kind, hold, more)
  local data = more or {}
  data.buyer, data.seats, data.areas, data.total = hold.buyer, hold.seats, hold.areas, hold.total
  event_append(sale, events_key, kind, hold.id, data)
end

-- Frees all units of a hold that has not been confirmed and marks it as ended.
local function hold_end(sale, keys, hold, status, reason, kind)
  local rows = rows_of(keys.seats, hold.rows)
  local moved = rows_move(sale, keys.seats, keys.rows, rows, hold.seats, { h = true }, 'f')
  sale.free, sale.held = sale.free + (moved.h or 0), sale.held - (moved.h or 0)
  stock_areas_move(sale, hold.areas, 'held', 'free')
  buyer_remove(keys.buyers, hold, hold_units(hold), true)
  hold.status, hold.reason = status, reason
  if hold.ledger == 1 then
    redis.call('ZREM', keys.due, hold.id)
  else
    due_set(sale, keys.due, hold.id, sale.now_ms + HOLD_KEPT_MS)
  end
  hold_save(keys.holds, hold)
  hold_event(sale, keys.events, kind, hold, { reason = reason })
end
