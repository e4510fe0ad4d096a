-- Books the units of a confirming hold that the ledger has sold.
--
-- Atomic, and the event is written on this transition only: a repeat finds it done.
--
-- KEYS: sale events seats rows holds buyers due
-- ARGV: epoch revision
--   hold_id    text
--   order_ref  text of the platform
--
-- Returns {code, revision, now_ms, hold}: OK; HOLD_CONFIRMED when it was done before; HOLD_STATE when
-- the hold is not confirming; HOLD_UNKNOWN.
-- Complexity: O(seats of the rows touched).
-- Events: order.confirmed {buyer, seats, areas, total, order_ref}, inventory.sold_out.
-- flags: allow-oom

-- include: end_hold

local keys = { KEYS.members }
local sale, refusal = open_inventory()
if refusal then return refusal end
local hold = load_hold(keys.holds, ARGV.hold_id)
if not hold then return refuse(sale, CODE.HOLD_UNKNOWN) end
if hold.status == STATUS.CONFIRMED then
  return refuse(sale, CODE.HOLD_CONFIRMED, pack_hold(hold))
end
if hold.status ~= STATUS.CONFIRMING then return refuse(sale, CODE.HOLD_STATE, pack_hold(hold)) end
book_units(sale, keys, hold, ARGV.order_ref)
return commit_inventory(sale, keys.events, CODE.OK, hold.value)
