-- Ends a confirming hold that the ledger has not sold and will not sell: its units are free again.
--
-- With the reason "expired" it has expired: nobody came to finish the confirmation, and a payment
-- that still comes is a late one, which may have its units again. With any other it is released for
-- good.
--
-- Atomic; the caller has made sure in the ledger that no confirmation of it can commit any more.
--
-- KEYS: sale events seats rows holds buyers due
-- ARGV: epoch revision
--   hold_id  text
--   reason   text, shown in the hold
--   version  of the hold that was given up, 0 = any
--
-- Returns {code, revision, now_ms, hold}: OK; UNCHANGED when it has ended already; HOLD_STATE;
-- HOLD_CHANGED; HOLD_UNKNOWN.
-- Complexity: O(seats of the rows touched).
-- Events: hold.released or hold.expired {buyer, seats, areas, total, reason}, inventory.reopened.
-- flags: allow-oom

-- include: end_hold

local keys = { KEYS.members }
local sale, refusal = open_inventory()
if refusal then return refusal end
local hold = load_hold(keys.holds, ARGV.hold_id)
if not hold then return refuse(sale, CODE.HOLD_UNKNOWN) end
if is_ended(hold) then return refuse(sale, CODE.UNCHANGED, pack_hold(hold)) end
if hold.status ~= STATUS.CONFIRMING then return refuse(sale, CODE.HOLD_STATE, pack_hold(hold)) end
local version = tonumber(ARGV.version)
if version ~= 0 and version ~= hold.version then
  return refuse(sale, CODE.HOLD_CHANGED, pack_hold(hold))
end
if ARGV.reason == 'expired' then
  end_hold(sale, keys, hold, STATUS.EXPIRED, 'expired', 'hold.expired')
else
  end_hold(sale, keys, hold, STATUS.RELEASED, ARGV.reason, 'hold.released')
end
return commit_inventory(sale, keys.events, CODE.OK, hold.value)
