-- Functions for a new hold: its packed value, its deadline, the buyer's entry.
--
-- A hold is ONE msgpack array in the hash `holds`, its fields in the order of HOLD
-- (calls/records.py). `due` has an entry for every hold that time will change: active and paying
-- ones at their deadline, ended ones at the time they are forgotten. A hold that is confirming or
-- confirmed has none, nor has an ended one that the ledger knows.
--
-- `buyers` keeps "<units> <hold id>...~<tat>": of the holds that have units, since the limit per
-- buyer is over these; and how fast the buyer has been ending holds (end_hold.lua), while that
-- limits the buyer. `keys` are those of the script, by their names.

-- include: inventory

local function count_units(hold)
  local units = #hold.seats
  local areas = hold.areas
  for at = 1, #areas, AREA.count do units = units + AREA.quantity(areas, at) end
  return units
end

-- `next_due_ms` says that nothing is due before it, so that most calls need not look at `due`.
local function note_due(sale, at_ms)
  if sale.next_due_ms == 0 or at_ms < sale.next_due_ms then sale.next_due_ms = at_ms end
end

local function set_due(sale, due_key, hold_id, at_ms)
  redis.call('ZADD', due_key, at_ms, hold_id)
  note_due(sale, at_ms)
end

-- A buyer's units, the text of the hold ids behind them, and the buyer's `tat`.
local function parse_buyer(entry)
  if not entry then return 0, '', 0 end
  -- A process of a version that knew no `tat` adds what it adds behind it.
  local units, ids, tat_ms, more = string.match(entry, '^(%d+)([^~]*)~?(%d*)(.*)$')
  return tonumber(units), ids .. more, tonumber(tat_ms) or 0
end

local function read_buyer(buyers_key, buyer)
  return parse_buyer(redis.call('HGET', buyers_key, buyer))
end

local function format_buyer(units, ids, tat_ms)
  if tat_ms > 0 then return string.format('%.0f%s~%.0f', units, ids, tat_ms) end
  return string.format('%.0f%s', units, ids)
end

-- Counts a hold's units for its buyer.
local function add_buyer_units(buyers_key, buyer, hold_id, count)
  local units, ids, tat_ms = read_buyer(buyers_key, buyer)
  redis.call('HSET', buyers_key, buyer, format_buyer(units + count, ids .. ' ' .. hold_id, tat_ms))
end
