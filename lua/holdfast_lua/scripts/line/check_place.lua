-- Answers whether a ticket can be claimed, without claiming it: a visitor who joins again keeps a
-- live place.
--
-- A script, because the answer takes the call's range, the number's bit and the session together.
--
-- KEYS: sale line active calls shown deferred returned
-- ARGV: epoch revision
--   number   integer from 1
--   pass_id  the only pass that this ticket can become
-- flags: no-writes
-- Returns {code, revision, now_ms, ...}
--   NOT_CALLED, CALLED, CALL_EXPIRED
--   ADMITTED_BEFORE  session deadline ms
-- Complexity: O(log n) in ranges called and sessions
-- Events: none

-- include: find_place

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, SALE_FIELDS)
if refusal then return refusal end
local session_ms = read_session_deadline(KEYS.active, ARGV.pass_id, sale.now_ms)
if session_ms then return answer(sale, CODE.ADMITTED_BEFORE, session_ms) end
local line = open_line(KEYS.line,
  with_clock('frozen', 'serving', 'lost_active', 'lost_until_ms', 'lost_serving'))
local keys = { KEYS.members }
local code, deadline_ms = find_place(sale, line, keys, tonumber(ARGV.number), ARGV.pass_id)
return answer(sale, code, deadline_ms or 0)
