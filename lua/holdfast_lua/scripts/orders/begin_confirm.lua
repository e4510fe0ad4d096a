-- The payment is there: the hold becomes confirming, which time never ends.
--
-- Atomic, because from here until the ledger has decided nobody else may get these units. A hold that
-- has lapsed gets all of them back if the caller allows it and every one is still free; half is never
-- taken.
--
-- KEYS
--   1 sale    HASH    guard, lifecycle, counters
--   2 events  STREAM  gains hold.reacquired
--   3 seats   STRING  one byte a seat
--   4 rows    STRING  one byte a row block
--   5 holds   HASH    the hold
--   6 buyers  HASH    units and hold ids by buyer
--   7 due     ZSET    deadlines
-- ARGV
--   1 epoch      integer
--   2 revision   integer
--   3 hold_id    text
--   4 reacquire  1 = a lapsed hold may take its units again
--   5 limit      units per buyer for that, 0 = none
--
-- Returns {code, revision, now_ms, hold, seats, areas}
--   OK               it was active or paying
--   UNCHANGED        it is confirming already
--   HOLD_CONFIRMED   it was confirmed before
--   HOLD_REACQUIRED  it had lapsed and has all of its units again
--   HOLD_EXPIRED     it has lapsed for good; `seats` and `areas` are those that are taken
--   HOLD_LIMIT, HOLDS_CLOSED   it had lapsed, and the buyer or the sale may have no more
--   HOLD_RELEASED, HOLD_UNKNOWN, SWEEP_AGAIN
-- Complexity: O(seats of the rows touched).
-- Events: hold.reacquired {buyer, seats, areas, total}; hold.expired when it lapsed unseen.
-- flags: allow-oom

-- include: sweep
-- include: reacquire

local keys = stock_keys()
local sale, refusal = stock_open()
if refusal then return refusal end
local hold = hold_load(keys.holds, ARGV[3])
if not hold then return guard_refuse(sale, CODE.HOLD_UNKNOWN) end
if hold.status == CONFIRMED then
  return guard_refuse(sale, CODE.HOLD_CONFIRMED, hold_pack(hold))
end
if hold.status == CONFIRMING then return guard_refuse(sale, CODE.UNCHANGED, hold_pack(hold)) end
if hold.status == RELEASED then
  return guard_refuse(sale, CODE.HOLD_RELEASED, hold_pack(hold))
end
if hold_timed(hold) and not hold_overdue(hold, sale.now_ms) then
  hold_confirming(keys, hold)
  return stock_commit(sale, keys.events, CODE.OK, hold.value)
end
if hold_overdue(hold, sale.now_ms) then
  hold_end(sale, keys, hold, EXPIRED, 'expired', 'hold.expired')
end
if ARGV[4] ~= '1' then
  return reacquire_refuse(sale, keys, hold, CODE.HOLD_EXPIRED)
end
local why = reacquire_refusal(sale, keys, hold, tonumber(ARGV[5]))
if why then return reacquire_refuse(sale, keys, hold, why) end
local rows = rows_of(keys.seats, hold.rows)
local taken, short = rows_conflicts(rows, hold.seats, 'f'), stock_areas_short(sale, hold.areas)
if #taken > 0 or #short > 0 then
  return reacquire_refuse(sale, keys, hold, CODE.HOLD_EXPIRED, taken, short)
end
rows_move(sale, keys.seats, keys.rows, rows, hold.seats, { f = true }, 'h')
reacquire(sale, keys, hold)
return stock_commit(sale, keys.events, CODE.HOLD_REACQUIRED, hold.value)
