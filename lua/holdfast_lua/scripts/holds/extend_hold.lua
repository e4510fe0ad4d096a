-- Moves the deadline of an active hold further off, never beyond its latest time.
--
-- It moves by a second at least, unless less is left: otherwise a buyer who asks all the time would
-- fill the stream with events, and the older ones of all others would be trimmed.
--
-- Atomic with the check of owner, version and deadline: a hold that has lapsed cannot be revived
-- here.
--
-- KEYS: sale events holds due active
-- ARGV: epoch revision
--   hold_id    text
--   owner      buyer who asks, empty = platform
--   version    that the caller has seen, 0 = any
--   extend_ms  from now to the new deadline
--
-- Returns {code, revision, now_ms, hold}: OK; UNCHANGED when the deadline would hardly move;
-- HOLD_UNKNOWN, NOT_OWNER, HOLD_EXPIRED, HOLD_RELEASED, HOLD_CHANGED; HOLD_STATE once it is paying.
-- Complexity: O(log holds).
-- Events: hold.extended {buyer, seats, areas, total, expires_ms}.

-- include: hold
-- include: sessions

local events_key, holds_key, due_key, active_key = KEYS.events, KEYS.holds, KEYS.due, KEYS.active
local sale, refusal = open_inventory()
if refusal then return refusal end
local hold = load_hold(holds_key, ARGV.hold_id)
local why = find_refusal(hold, ARGV.owner, tonumber(ARGV.version), sale.now_ms)
if why then return refuse(sale, why) end
if hold.status ~= STATUS.ACTIVE then return refuse(sale, CODE.HOLD_STATE, pack_hold(hold)) end
local expires_ms = math.min(sale.now_ms + tonumber(ARGV.extend_ms), hold.latest_ms)
local least_ms = math.min(CONST.EXTEND_LEAST_MS, hold.latest_ms - hold.expires_ms)
if expires_ms < hold.expires_ms + math.max(1, least_ms) then
  return refuse(sale, CODE.UNCHANGED, pack_hold(hold))
end
hold.expires_ms = expires_ms
set_due(sale, due_key, hold.id, expires_ms)
save_hold(holds_key, hold)
if hold.pass_id ~= '' then extend_session(active_key, hold.pass_id, expires_ms) end
append_hold_event(sale, events_key, 'hold.extended', hold, { expires_ms = expires_ms })
return commit_inventory(sale, events_key, CODE.OK, hold.value)
