-- Books the units of an order that the ledger has sold, whatever the store knows of its hold.
--
-- The ledger wins: free and blocked units are booked at once, and a hold that was kept on other
-- units than the ledger sold gives those back. Units of somebody else's hold are named, not taken:
-- the caller ends that hold first, for a reason that its buyer will be told.
--
-- KEYS: sale events seats rows holds buyers due
-- ARGV: epoch revision
--   hold_id    text
--   value      msgpack, the hold as the ledger has it
--   order_ref  text of the platform
--
-- Returns {code, revision, now_ms, hold}, or HOLD_REFUSAL: OK; HOLD_CONFIRMED when it is so already;
-- SEAT_UNAVAILABLE with the `seats` and `areas` that another hold or order has.
-- Complexity: O(seats of the rows touched).
-- Events: order.confirmed {buyer, seats, areas, total, order_ref}, inventory.sold_out.
-- flags: allow-oom

-- include: end_hold

local keys = { KEYS.members }
local sale, refusal = open_inventory()
if refusal then return refusal end
local sold, known = unpack_hold(ARGV.hold_id, ARGV.value), load_hold(keys.holds, ARGV.hold_id)
if known and known.status == STATUS.CONFIRMED then
  return refuse(sale, CODE.HOLD_CONFIRMED, pack_hold(known))
end
local kept = known and not is_ended(known)
if kept and cmsgpack.pack(known.seats, known.areas) == cmsgpack.pack(sold.seats, sold.areas) then
  book_units(sale, keys, known, ARGV.order_ref)
  return commit_inventory(sale, keys.events, CODE.OK, known.value)
end

-- The units that the hold has are free for the order that replaces it.
local mine = {}
for _, seat in ipairs(kept and known.seats or {}) do mine[seat] = true end
local rows = read_rows(keys.seats, sold.rows)
local taken = {}
for _, state in ipairs({ SEAT.HELD, SEAT.BOOKED }) do
  for _, seat in ipairs(find_seats_in_state(rows, sold.seats, state)) do
    if not mine[seat] then taken[#taken + 1] = seat end
  end
end
local short = kept and {} or find_short_areas(sale, sold.areas)
if #taken > 0 or #short > 0 then
  return refuse(sale, CODE.SEAT_UNAVAILABLE, explain_refusal(nil, taken, short))
end
if kept then end_hold(sale, keys, known, STATUS.RELEASED, 'ledger_conflict', 'hold.released') end
rows = read_rows(keys.seats, sold.rows)
local moved = move_seats(sale, keys.seats, keys.rows, rows, sold.seats,
  { [SEAT.FREE] = true, [SEAT.BLOCKED] = true }, SEAT.BOOKED)
local free, blocked = moved[SEAT.FREE] or 0, moved[SEAT.BLOCKED] or 0
sale.free, sale.blocked = sale.free - free, sale.blocked - blocked
sale.booked = sale.booked + free + blocked
move_areas(sale, sold.areas, 'free', 'booked')
add_buyer_units(keys.buyers, sold.buyer, sold.id, count_units(sold))
sold.version = known and known.version or sold.version
mark_booked(sale, keys, sold, ARGV.order_ref)
return commit_inventory(sale, keys.events, CODE.OK, sold.value)
