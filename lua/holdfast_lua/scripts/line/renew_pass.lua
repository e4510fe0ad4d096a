-- Prolongs the session of a pass by the session time from now, up to the longest that a session may
-- last. A later deadline that a hold has set stays, so that the session of a paying buyer does not
-- end.
--
-- Atomic, because a session that has just ended must not be revived: its slot may be taken.
--
-- KEYS: sale line active started
-- ARGV: epoch revision
--   pass_id  text
-- Returns {code, revision, now_ms, SESSION_END}
--   OK            the deadline is never earlier than it was
--   SESSION_OVER  released, revoked or expired
--   SALE_CLOSED
-- Complexity: O(log active)
-- Events: none

-- include: line

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, SALE_FIELDS)
if refusal then return refusal end
local line = open_line(KEYS.line, { 'session_ms', 'session_max_ms' })
local deadline_ms = read_session_deadline(KEYS.active, ARGV.pass_id, sale.now_ms)
if not deadline_ms then return refuse(sale, CODE.SESSION_OVER) end
if is_closed(sale) then return refuse(sale, CODE.SALE_CLOSED) end
start_session(KEYS.started, ARGV.pass_id, sale.now_ms)
local limit_ms = get_session_limit(KEYS.started, ARGV.pass_id, line, sale.now_ms)
local until_ms = sale.now_ms + line.session_ms
if limit_ms > 0 then until_ms = math.min(until_ms, limit_ms) end
until_ms = math.max(deadline_ms, until_ms)
extend_session(KEYS.active, ARGV.pass_id, until_ms)
return commit_sale(sale, CODE.OK, SESSION_END.of(ms = until_ms, limit_ms = limit_ms))
