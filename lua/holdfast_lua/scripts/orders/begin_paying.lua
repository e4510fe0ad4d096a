-- Makes an active hold paying, and moves its deadline to the hold's latest time.
--
-- Atomic with the check of owner, version and deadline. From here on the ledger knows the hold.
--
-- KEYS: sale events holds due active
-- ARGV: epoch revision
--   hold_id  text
--   owner    buyer who asks, empty = platform
--   version  that the caller has seen, 0 = any
--
-- Returns {code, revision, now_ms, hold}: OK; UNCHANGED when it is paying already; HOLD_UNKNOWN,
-- NOT_OWNER, HOLD_EXPIRED, HOLD_RELEASED, HOLD_CHANGED; HOLD_STATE once it is being confirmed.
-- Complexity: O(log holds).
-- Events: hold.extended {buyer, seats, areas, total, expires_ms}.

-- include: hold
-- include: sessions

local events_key, holds_key, due_key, active_key = KEYS.events, KEYS.holds, KEYS.due, KEYS.active
local sale, refusal = open_inventory()
if refusal then return refusal end
local hold = load_hold(holds_key, ARGV.hold_id)
if hold and hold.status == STATUS.PAYING and not is_overdue(hold, sale.now_ms)
  and (ARGV.owner == '' or ARGV.owner == hold.buyer) then
  return refuse(sale, CODE.UNCHANGED, pack_hold(hold))
end
local why = find_refusal(hold, ARGV.owner, tonumber(ARGV.version), sale.now_ms)
if why then return refuse(sale, why) end
if hold.status ~= STATUS.ACTIVE then return refuse(sale, CODE.HOLD_STATE, pack_hold(hold)) end
hold.status, hold.ledger, hold.expires_ms = STATUS.PAYING, 1, hold.latest_ms
set_due(sale, due_key, hold.id, hold.expires_ms)
save_hold(holds_key, hold)
if hold.pass_id ~= '' then extend_session(active_key, hold.pass_id, hold.expires_ms) end
append_hold_event(sale, events_key, 'hold.extended', hold, { expires_ms = hold.expires_ms })
return commit_inventory(sale, events_key, CODE.OK, hold.value)
