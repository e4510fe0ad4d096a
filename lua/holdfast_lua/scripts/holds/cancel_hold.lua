-- Cancels the request behind an id, whether it has arrived or not.
--
-- A caller who lost the answer to a hold request does not know whether there is a hold. Atomic, so
-- that the request is either found and released or, by a tombstone in its place, can never come to
-- be. The tombstone stays for an hour, longer than a request can be on its way.
--
-- A pass whose session is over needs no tombstone, for nothing can be held with it any more.
-- Otherwise each is charged to its buyer, see include/holds/end_hold.lua: whoever makes ids up
-- would fill the store otherwise.
--
-- KEYS: sale events seats rows holds buyers due active
-- ARGV: epoch revision
--   hold_id  text
--   buyer    who asked for the hold
--   pass_id  with which, empty = a platform's key
--
-- Returns {code, revision, now_ms, hold}: OK (released, or a tombstone left); UNCHANGED when it has
-- ended already; NOT_OWNER; HOLD_STATE once it is paying or being confirmed; PASS_ENDED when there
-- is nothing to release and nothing can come; or HOLD_REFUSAL:
-- TOO_MANY_ENDED.
-- Complexity: O(seats of the rows touched).
-- Events: hold.released {buyer, seats, areas, total, reason}, inventory.reopened.

-- include: end_hold
-- include: sessions

local keys = { KEYS.members }
local id, buyer, pass_id = ARGV.hold_id, ARGV.buyer, ARGV.pass_id
local sale, refusal = open_inventory()
if refusal then return refusal end
local hold = load_hold(keys.holds, id)

-- Why a tombstone is refused, nil when it is not; charges it to the buyer of a pass.
local function charge()
  if pass_id == '' then return nil, 0 end
  if not read_session_deadline(KEYS.active, pass_id, sale.now_ms) then
    return refuse(sale, CODE.PASS_ENDED)
  end
  local units, ids, tat_ms = read_buyer(keys.buyers, buyer)
  local wait_ms = get_rate_wait_ms(tat_ms, sale.now_ms)
  if wait_ms then
    return refuse(sale, CODE.TOO_MANY_ENDED, explain_refusal(nil, nil, nil, nil, wait_ms))
  end
  tat_ms = charge_rate(tat_ms, sale.now_ms)
  save_buyer(keys.buyers, buyer, units, ids, tat_ms)
  return nil, tat_ms
end

if not hold then
  local why, tat_ms = charge()
  if why then return why end
  hold = { id = id, status = STATUS.RELEASED, version = 0, buyer = buyer, created_ms = sale.now_ms,
    expires_ms = sale.now_ms, latest_ms = sale.now_ms, seats = {}, prices = {}, areas = {},
    rows = {}, total = 0, digest = '', pass_id = pass_id, reason = 'cancelled', ledger = 0,
    order_ref = '' }
  set_due(sale, keys.due, id, get_forget_ms(sale, STATUS.RELEASED, tat_ms))
  save_hold(keys.holds, hold)
  return commit_inventory(sale, keys.events, CODE.OK, hold.value)
end
if hold.buyer ~= buyer then return refuse(sale, CODE.NOT_OWNER) end
if is_ended(hold) then return refuse(sale, CODE.UNCHANGED, pack_hold(hold)) end
if hold.status ~= STATUS.ACTIVE then return refuse(sale, CODE.HOLD_STATE, pack_hold(hold)) end
end_hold(sale, keys, hold, STATUS.RELEASED, 'cancelled', 'hold.released')
return commit_inventory(sale, keys.events, CODE.OK, hold.value)
