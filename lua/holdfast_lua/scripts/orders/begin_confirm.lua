-- Makes a hold confirming after its payment, so that it has no deadline any more.
--
-- Atomic, because from here until the ledger has decided nobody else may get these units. A hold
-- that has lapsed gets all of them back if the caller allows it and every one is still free, and
-- none otherwise.
--
-- KEYS: sale events seats rows holds buyers due
-- ARGV: epoch revision
--   hold_id    text
--   reacquire  1 = a lapsed hold may take its units again
--   limit      units per buyer for that, 0 = none
--
-- Returns {code, revision, now_ms, hold}, or HOLD_REFUSAL
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

-- include: sweep_holds
-- include: reacquire_hold

local keys = { KEYS.members }
local sale, refusal = open_inventory()
if refusal then return refusal end
local hold = load_hold(keys.holds, ARGV.hold_id)
if not hold then return refuse(sale, CODE.HOLD_UNKNOWN) end
if hold.status == STATUS.CONFIRMED then
  return refuse(sale, CODE.HOLD_CONFIRMED, pack_hold(hold))
end
if hold.status == STATUS.CONFIRMING then return refuse(sale, CODE.UNCHANGED, pack_hold(hold)) end
if hold.status == STATUS.RELEASED then
  return refuse(sale, CODE.HOLD_RELEASED, pack_hold(hold))
end
if is_timed(hold) and not is_overdue(hold, sale.now_ms) then
  mark_confirming(keys, hold)
  return commit_inventory(sale, keys.events, CODE.OK, hold.value)
end
if is_overdue(hold, sale.now_ms) then
  end_hold(sale, keys, hold, STATUS.EXPIRED, 'expired', 'hold.expired')
end
if ARGV.reacquire ~= '1' then
  return refuse_reacquire(sale, keys, hold, CODE.HOLD_EXPIRED)
end
local why = check_reacquire(sale, keys, hold, tonumber(ARGV.limit))
if why then return refuse_reacquire(sale, keys, hold, why) end
local rows = read_rows(keys.seats, hold.rows)
local taken, short = find_conflicts(rows, hold.seats, SEAT.FREE), find_short_areas(sale, hold.areas)
if #taken > 0 or #short > 0 then
  return refuse_reacquire(sale, keys, hold, CODE.HOLD_EXPIRED, taken, short)
end
move_seats(sale, keys.seats, keys.rows, rows, hold.seats, { [SEAT.FREE] = true }, SEAT.HELD)
reacquire_units(sale, keys, hold)
return commit_inventory(sale, keys.events, CODE.HOLD_REACQUIRED, hold.value)
