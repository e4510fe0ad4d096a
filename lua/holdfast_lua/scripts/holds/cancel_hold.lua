-- Cancels the request behind an id, whether it has arrived or not.
--
-- A caller who lost the answer to a hold request does not know whether there is a hold. Atomic, so that
-- the request is either found and released or, by a tombstone in its place, can never come to be. The
-- tombstone stays for an hour, longer than a request can be on its way.
--
-- A pass whose session is over needs no tombstone, for nothing can be held with it any more. Otherwise
-- each is charged to its buyer, see include/hold_rate.lua: who makes them up would fill the store.
--
-- KEYS
--   1 sale    HASH    guard, lifecycle, counters
--   2 events  STREAM  gains hold.released
--   3 seats   STRING  one byte a seat
--   4 rows    STRING  one byte a row block
--   5 holds   HASH    the hold
--   6 buyers  HASH    units and hold ids by buyer
--   7 due     ZSET    deadlines
--   8 active  ZSET    sessions
-- ARGV
--   1 epoch     integer
--   2 revision  integer
--   3 hold_id   text
--   4 buyer     who asked for the hold
--   5 pass_id   with which, empty = a platform's key
--
-- Returns {code, revision, now_ms, hold}: OK (released, or a tombstone left); UNCHANGED when it has
-- ended already; NOT_OWNER; HOLD_STATE once it is paying or being confirmed; PASS_ENDED when there is
-- nothing to release and nothing can come;
-- {code, revision, now_ms, '', {}, {}, {}, wait_ms}: TOO_MANY_ENDED.
-- Complexity: O(seats of the rows touched).
-- Events: hold.released {buyer, seats, areas, total, reason}, inventory.reopened.

-- include: hold_end
-- include: session

local keys = stock_keys()
local id, buyer, pass_id = ARGV[3], ARGV[4], ARGV[5]
local sale, refusal = stock_open()
if refusal then return refusal end
local hold = hold_load(keys.holds, id)

-- Why a tombstone is refused, nil when it is not; charges it to the buyer of a pass.
local function charge()
  if pass_id == '' then return nil, 0 end
  if not session_deadline(KEYS[8], pass_id, sale.now_ms) then
    return guard_refuse(sale, CODE.PASS_ENDED)
  end
  local units, ids, tat_ms = buyer_units(keys.buyers, buyer)
  local wait_ms = rate_wait_ms(tat_ms, sale.now_ms)
  if wait_ms then return guard_refuse(sale, CODE.TOO_MANY_ENDED, '', {}, {}, {}, wait_ms) end
  tat_ms = rate_charged(tat_ms, sale.now_ms)
  buyer_save(keys.buyers, buyer, units, ids, tat_ms)
  return nil, tat_ms
end

if not hold then
  local why, tat_ms = charge()
  if why then return why end
  hold = { id = id, status = RELEASED, version = 0, buyer = buyer, created_ms = sale.now_ms,
    expires_ms = sale.now_ms, latest_ms = sale.now_ms, seats = {}, prices = {}, areas = {},
    rows = {}, total = 0, digest = '', pass_id = pass_id, reason = 'cancelled', ledger = 0,
    order_ref = '' }
  due_set(sale, keys.due, id, hold_forget_at(sale, RELEASED, tat_ms))
  hold_save(keys.holds, hold)
  return stock_commit(sale, keys.events, CODE.OK, hold.value)
end
if hold.buyer ~= buyer then return guard_refuse(sale, CODE.NOT_OWNER) end
if hold_ended(hold) then return guard_refuse(sale, CODE.UNCHANGED, hold_pack(hold)) end
if hold.status ~= ACTIVE then return guard_refuse(sale, CODE.HOLD_STATE, hold_pack(hold)) end
hold_end(sale, keys, hold, RELEASED, 'cancelled', 'hold.released')
return stock_commit(sale, keys.events, CODE.OK, hold.value)
