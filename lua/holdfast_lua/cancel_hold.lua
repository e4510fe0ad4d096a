-- Cancels the request behind an id, whether it has arrived or not.
--
-- A caller who lost the answer to a hold request does not know whether there is a hold. Atomic, so that
-- the request is either found and released or, by a tombstone in its place, can never come to be.
--
-- KEYS
--   1 sale    HASH    guard, lifecycle, counters
--   2 events  STREAM  gains hold.released
--   3 seats   STRING  one byte a seat
--   4 rows    STRING  one byte a row block
--   5 holds   HASH    the hold
--   6 buyers  HASH    units and hold ids by buyer
--   7 due     ZSET    deadlines
-- ARGV
--   1 epoch     integer
--   2 revision  integer
--   3 hold_id   text
--   4 buyer     who asked for the hold
--
-- Returns {code, revision, now_ms, hold}: OK (released, or a tombstone left); UNCHANGED when it has
-- ended already; NOT_OWNER; HOLD_STATE once it is paying or being confirmed.
-- Complexity: O(seats of the rows touched).
-- Events: hold.released {buyer, seats, areas, total, reason}, inventory.reopened.

-- include: hold_end

local keys = stock_keys()
local id, buyer = ARGV[3], ARGV[4]
local sale, refusal = stock_open()
if refusal then return refusal end
local hold = hold_load(keys.holds, id)
if not hold then
  hold = { id = id, status = RELEASED, version = 0, buyer = buyer, created_ms = sale.now_ms,
    expires_ms = sale.now_ms, latest_ms = sale.now_ms, seats = {}, prices = {}, areas = {},
    rows = {}, total = 0, digest = '', pass_id = '', reason = 'cancelled', ledger = 0,
    order_ref = '' }
  due_set(sale, keys.due, id, sale.now_ms + HOLD_KEPT_MS)
  hold_save(keys.holds, hold)
  return stock_commit(sale, keys.events, CODE.OK, hold.value)
end
if hold.buyer ~= buyer then return guard_refuse(sale, CODE.NOT_OWNER) end
if hold_ended(hold) then return guard_refuse(sale, CODE.UNCHANGED, hold_pack(hold)) end
if hold.status ~= ACTIVE then return guard_refuse(sale, CODE.HOLD_STATE, hold_pack(hold)) end
hold_end(sale, keys, hold, RELEASED, 'cancelled', 'hold.released')
return stock_commit(sale, keys.events, CODE.OK, hold.value)
