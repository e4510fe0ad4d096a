-- Tells whoever reads the events that an order is abnormal; the flag itself is in the ledger.
--
-- KEYS
--   1 sale    HASH    guard, lifecycle, counters
--   2 events  STREAM  gains order.flagged
-- ARGV
--   1 epoch     integer
--   2 revision  integer
--   3 order_id  text
--   4 flag      text
--   5 buyer     text, empty where nobody knows
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
