-- The ledger has settled that there is no sale: a confirming hold gives its units back.
--
-- With the reason "expired" it has expired: nobody came to finish the confirmation, and a payment that
-- still comes is a late one, which may have its units again. With any other it is released for good.
--
-- Atomic; the caller has made sure in the ledger that no confirmation of it can commit any more.
--
-- KEYS
--   1 sale    HASH    guard, lifecycle, counters
--   2 events  STREAM  gains hold.released or hold.expired
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
--   5 version   of the hold that was given up, 0 = any
--
-- Returns {code, revision, now_ms, hold}: OK; UNCHANGED when it has ended already; HOLD_STATE;
-- HOLD_CHANGED; HOLD_UNKNOWN.
-- Complexity: O(seats of the rows touched).
-- Events: hold.released or hold.expired {buyer, seats, areas, total, reason}, inventory.reopened.
-- flags: allow-oom

-- include: hold_end

local keys = stock_keys()
local sale, refusal = stock_open()
if refusal then return refusal end
local hold = hold_load(keys.holds, ARGV[3])
if not hold then return guard_refuse(sale, CODE.HOLD_UNKNOWN) end
if hold_ended(hold) then return guard_refuse(sale, CODE.UNCHANGED, hold_pack(hold)) end
if hold.status ~= CONFIRMING then return guard_refuse(sale, CODE.HOLD_STATE, hold_pack(hold)) end
local version = tonumber(ARGV[5])
if version ~= 0 and version ~= hold.version then
  return guard_refuse(sale, CODE.HOLD_CHANGED, hold_pack(hold))
end
if ARGV[4] == 'expired' then
  hold_end(sale, keys, hold, EXPIRED, 'expired', 'hold.expired')
else
  hold_end(sale, keys, hold, RELEASED, ARGV[4], 'hold.released')
end
return stock_commit(sale, keys.events, CODE.OK, hold.value)
