-- Takes free seats off sale. Held and booked ones are left as they are.
--
-- Atomic, so that counters and rows change with the seats.
--
-- KEYS: sale events seats rows
-- ARGV: epoch revision
--   rows  msgpack { SWITCH, ... }
--
-- Returns {code, revision, now_ms, changed}: OK; UNCHANGED when no seat was in the state for it.
-- Complexity: O(seats of the rows touched).
-- Events: seats.blocked {seats}, inventory.sold_out, inventory.reopened.

-- include: move_seats

local keys = { KEYS.members }
local sale, refusal = open_inventory()
if refusal then return refusal end
return switch_seats(sale, keys, cmsgpack.unpack(ARGV.rows), SEAT.FREE, SEAT.BLOCKED,
  'seats.blocked')
