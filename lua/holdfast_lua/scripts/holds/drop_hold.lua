-- Ends a hold because the ledger says otherwise, in any state short of confirmed.
--
-- Atomic; used when the ledger has sold a unit that this hold has, or has given its order up.
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
--   4 reason    text, shown in the hold
--
-- Returns {code, revision, now_ms, hold}: OK; UNCHANGED when it has ended already; HOLD_STATE;
-- HOLD_UNKNOWN.
-- Complexity: O(seats of the rows touched).
-- Events: hold.released {buyer, seats, areas, total, reason}, inventory.reopened.
-- flags: allow-oom

-- include: hold_end

local keys = stock_keys()
local sale, refusal = stock_open()
if refusal then return refusal end
local hold = hold_load(keys.holds, ARGV[3])
if not hold then return guard_refuse(sale, CODE.HOLD_UNKNOWN) end
if hold_ended(hold) then return guard_refuse(sale, CODE.UNCHANGED, hold_pack(hold)) end
if hold.status == CONFIRMED then return guard_refuse(sale, CODE.HOLD_STATE, hold_pack(hold)) end
hold_end(sale, keys, hold, RELEASED, ARGV[4], 'hold.released')
return stock_commit(sale, keys.events, CODE.OK, hold.value)
