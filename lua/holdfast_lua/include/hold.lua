-- Holds: the packed value, the deadline, the buyer's entry.
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
  return cmsgpack.pack({ hold.status, hold.version, hold.created_ms, hold.expires_ms,
    hold.latest_ms, hold.seats, hold.prices, hold.rows, hold.total, hold.areas, hold.buyer,
    hold.digest, hold.pass_id, hold.reason, hold.ledger, hold.order_ref })
end

-- A new hold; `rest` are the last seven fields, packed by the caller, who knows them.
local function hold_pack_new(now_ms, expires_ms, latest_ms, hold, rest)
  return '\220\0\016' .. cmsgpack.pack(ACTIVE, 1, now_ms, expires_ms, latest_ms, hold.seats,
    hold.prices, hold.rows, hold.total) .. rest
end

local function hold_unpack(id, value)
  local field = cmsgpack.unpack(value)
  return { id = id, status = field[1], version = field[2], created_ms = field[3],
    expires_ms = field[4], latest_ms = field[5], seats = field[6], prices = field[7],
    rows = field[8], total = field[9], areas = field[10], buyer = field[11], digest = field[12],
    pass_id = field[13], reason = field[14], ledger = field[15], order_ref = field[16] }
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

local function hold_event(sale, events_key, kind, hold, more)
  local data = more or {}
  data.buyer, data.seats, data.areas, data.total = hold.buyer, hold.seats, hold.areas, hold.total
  event_append(sale, events_key, kind, hold.id, data)
end
