-- Reads all seats with its counts and the cursor of the last event in it.
--
-- One script, so that a reader who goes on from that cursor misses nothing and sees nothing twice.
--
-- KEYS: sale seats
-- ARGV: epoch revision
--   area_field...  fields of the sale hash for the areas
--
-- Returns {code, revision, now_ms, SEATS_READING}.
-- Complexity: O(seats) bytes copied.
-- flags: no-writes

-- include: guard

local fields = { 'free', 'held', 'booked', 'blocked', 'next_due_ms', unpack(ARGV, ARGV_AT.area_field) }
local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, fields)
if refusal then return refusal end
local areas = {}
for at = ARGV_AT.area_field, #ARGV do areas[#areas + 1] = sale[ARGV[at]] end
local overdue = sale.next_due_ms > 0 and sale.next_due_ms <= sale.now_ms
local states = redis.call('GET', KEYS.seats) or ''
return answer(sale, CODE.OK, SEATS_READING.of(states = states, free = sale.free, held = sale.held,
  booked = sale.booked, blocked = sale.blocked, event_epoch = sale.event_epoch, seq = sale.seq,
  overdue = overdue and 1 or 0, areas = areas))
