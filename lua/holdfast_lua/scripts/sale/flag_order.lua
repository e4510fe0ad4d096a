-- Tells whoever reads the events that an order is abnormal; the flag itself is in the ledger.
--
-- KEYS: sale events
-- ARGV: epoch revision
--   order_id  text
--   flag      text
--   buyer     text, empty where nobody knows
--
-- Returns {code, revision, now_ms}: OK.
-- Complexity: O(1).
-- Events: order.flagged {flag, buyer}.

-- include: guard
-- include: events

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, {})
if refusal then return refusal end
append_event(sale, KEYS.events, 'order.flagged', ARGV.order_id,
  { flag = ARGV.flag, buyer = ARGV.buyer })
return commit_sale(sale, CODE.OK)
