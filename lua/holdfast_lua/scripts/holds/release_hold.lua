-- Gives a hold back: its units are free at once.
--
-- Atomic with the check of owner and version, so that a late release cannot take away what has
-- become somebody else's. While the buyer is paying only the platform may release.
--
-- KEYS: sale events seats rows holds buyers due
-- ARGV: epoch revision
--   hold_id  text
--   owner    buyer who asks, empty = platform
--   version  that the caller has seen, 0 = any
--   reason   text, shown in the hold
--
-- Returns {code, revision, now_ms, hold}: OK; UNCHANGED when it was released before; HOLD_UNKNOWN,
-- NOT_OWNER, HOLD_EXPIRED, HOLD_CHANGED; HOLD_STATE once it is paying (buyer) or being confirmed.
-- Complexity: O(seats of the rows touched).
-- Events: hold.released {buyer, seats, areas, total, reason}, inventory.reopened.
-- flags: allow-oom

-- include: end_hold

local keys = { KEYS.members }
local owner = ARGV.owner
local sale, refusal = open_inventory()
if refusal then return refusal end
local hold = load_hold(keys.holds, ARGV.hold_id)
local why = find_refusal(hold, owner, tonumber(ARGV.version), sale.now_ms)
if why == CODE.HOLD_RELEASED then return refuse(sale, CODE.UNCHANGED, pack_hold(hold)) end
if why then return refuse(sale, why) end
if hold.status ~= STATUS.ACTIVE and not (hold.status == STATUS.PAYING and owner == '') then
  return refuse(sale, CODE.HOLD_STATE, pack_hold(hold))
end
end_hold(sale, keys, hold, STATUS.RELEASED, ARGV.reason, 'hold.released')
return commit_inventory(sale, keys.events, CODE.OK, hold.value)
