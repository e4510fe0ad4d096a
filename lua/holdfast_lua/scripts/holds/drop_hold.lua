-- Ends a hold because the ledger says otherwise, in any state short of confirmed.
--
-- Atomic; used when the ledger has sold a unit that this hold has, or has given its order up.
--
-- KEYS: sale events seats rows holds buyers due
-- ARGV: epoch revision
--   hold_id  text
--   reason   text, shown in the hold
--
-- Returns {code, revision, now_ms, hold}: OK; UNCHANGED when it has ended already; HOLD_STATE;
-- HOLD_UNKNOWN.
-- Complexity: O(seats of the rows touched).
-- Events: hold.released {buyer, seats, areas, total, reason}, inventory.reopened.
-- flags: allow-oom

-- include: end_hold

local keys = { KEYS.members }
local sale, refusal = open_inventory()
if refusal then return refusal end
local hold = load_hold(keys.holds, ARGV.hold_id)
if not hold then return refuse(sale, CODE.HOLD_UNKNOWN) end
if is_ended(hold) then return refuse(sale, CODE.UNCHANGED, pack_hold(hold)) end
if hold.status == STATUS.CONFIRMED then return refuse(sale, CODE.HOLD_STATE, pack_hold(hold)) end
end_hold(sale, keys, hold, STATUS.RELEASED, ARGV.reason, 'hold.released')
return commit_inventory(sale, keys.events, CODE.OK, hold.value)
