-- Gives a hold back: its units are free at once.
--
-- Atomic with the check of owner and version, so that a late release cannot take away what has become
-- somebody else's. While the buyer is paying only the platform may release.
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
--   4 owner     buyer who asks, empty = platform
--   5 version   that the caller has seen, 0 = any
--   6 reason    text, shown in the hold
--
-- Returns {code, revision, now_ms, hold}: OK; UNCHANGED when it was released before; HOLD_UNKNOWN,
-- NOT_OWNER, HOLD_EXPIRED, HOLD_CHANGED; HOLD_STATE once it is paying (buyer) or being confirmed.
-- Complexity: O(seats of the rows touched).
-- Events: hold.released {buyer, seats, areas, total, reason}, inventory.reopened.
-- flags: allow-oom

-- include: hold_end

local keys = stock_keys()
local owner = ARGV[4]
local sale, refusal = stock_open()
if refusal then return refusal end
local hold = hold_load(keys.holds, ARGV[3])
local why = hold_refusal(hold, owner, tonumber(ARGV[5]), sale.now_ms)
if why == CODE.HOLD_RELEASED then return guard_refuse(sale, CODE.UNCHANGED, hold_pack(hold)) end
if why then return guard_refuse(sale, why) end
if hold.status ~= ACTIVE and not (hold.status == PAYING and owner == '') then
  return guard_refuse(sale, CODE.HOLD_STATE, hold_pack(hold))
end
hold_end(sale, keys, hold, RELEASED, ARGV[6], 'hold.released')
return stock_commit(sale, keys.events, CODE.OK, hold.value)
