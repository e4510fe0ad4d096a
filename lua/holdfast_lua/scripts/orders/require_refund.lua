-- Appends the event that a payment must go back, once for each hold.
--
-- Atomic with the mark in the hold that makes a repeat find it done. A hold that the store does not
-- know gets its event all the same: two events are harmless, none is not.
--
-- KEYS: sale events holds
-- ARGV: epoch revision
--   hold_id    text
--   order_ref  text of the platform
--   amount     integer, minor units
--   reason     text
--
-- Returns {code, revision, now_ms, hold}: OK; UNCHANGED when it has its event.
-- Complexity: O(1).
-- Events: order.refund_required {order_ref, amount, reason}.
-- flags: allow-oom

-- include: hold

local events_key, holds_key = KEYS.events, KEYS.holds
local sale, refusal = open_inventory()
if refusal then return refusal end
local hold = load_hold(holds_key, ARGV.hold_id)
if hold then
  if hold.reason == 'refund_required' then
    return refuse(sale, CODE.UNCHANGED, pack_hold(hold))
  end
  hold.reason, hold.ledger = 'refund_required', 1
  save_hold(holds_key, hold)
end
append_event(sale, events_key, 'order.refund_required', ARGV.hold_id,
  { order_ref = ARGV.order_ref, amount = tonumber(ARGV.amount), reason = ARGV.reason })
return commit_inventory(sale, events_key, CODE.OK, hold and hold.value or '')
