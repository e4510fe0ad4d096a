-- Puts blocked seats back on sale.
--
-- Atomic, so that counters and rows change with the seats.
--
-- KEYS
--   1 sale    HASH    guard, lifecycle, counters
--   2 events  STREAM  gains seats.unblocked
--   3 seats   STRING  one byte a seat
--   4 rows    STRING  one byte a row segment
-- ARGV
--   1 epoch     integer
--   2 revision  integer
--   3 rows      msgpack { SWITCH, ... }
--
-- Returns {code, revision, now_ms, changed}: OK; UNCHANGED when no seat was in the state for it.
-- Complexity: O(seats of the rows touched).
-- Events: seats.unblocked {seats}, inventory.sold_out, inventory.reopened.

-- include: move_seats

local keys = { KEYS.members }
local sale, refusal = open_inventory()
if refusal then return refusal end
return switch_seats(sale, keys, cmsgpack.unpack(ARGV.rows), 'x', 'f', 'seats.unblocked')
