-- Takes free seats off sale. Held and booked ones are left as they are: nobody loses what they have.
--
-- Atomic, so that counters and rows change with the seats.
--
-- KEYS
--   1 sale    HASH    guard, lifecycle, counters
--   2 events  STREAM  gains seats.blocked
--   3 seats   STRING  one byte a seat
--   4 rows    STRING  one byte a row block
-- ARGV
--   1 epoch     integer
--   2 revision  integer
--   3 rows      msgpack { position, first, length, base, n, seat, ..., ... }
--
-- Returns {code, revision, now_ms, changed}: OK; UNCHANGED when no seat was in the state for it.
-- Complexity: O(seats of the rows touched).
-- Events: seats.blocked {seats}, inventory.sold_out, inventory.reopened.

-- include: stock
-- include: rows_move

local events_key, seats_key, rows_key = KEYS[2], KEYS[3], KEYS[4]
local sale, refusal = stock_open()
if refusal then return refusal end
local list = cmsgpack.unpack(ARGV[3])
local changed = {}
local at = 1
while at <= #list do
  local rows = rows_of(seats_key, { unpack(list, at, at + 3) })
  local seats = { unpack(list, at + 5, at + 4 + list[at + 4]) }
  for _, seat in ipairs(rows_with(rows, seats, 'f')) do changed[#changed + 1] = seat end
  rows_move(sale, seats_key, rows_key, rows, seats, { f = true }, 'x')
  at = at + 5 + list[at + 4]
end
if #changed == 0 then return guard_refuse(sale, CODE.UNCHANGED, 0) end
sale.free, sale.blocked = sale.free - #changed, sale.blocked + #changed
event_append(sale, events_key, 'seats.blocked', sale.name, { seats = changed })
return stock_commit(sale, events_key, CODE.OK, #changed)
