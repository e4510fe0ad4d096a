-- Reads the call of a visitor's number and the session of their pass, for an operator. One of the
-- two may be unknown.
--
-- A script, because call, bit, deferral and session are to be of one moment. Times of calls are
-- told by store time, although they are kept by the line's clock.
--
-- KEYS: sale line active calls shown deferred started
-- ARGV: epoch revision
--   number   integer from 1, 0 where none is known
--   pass_id  text, empty where none is known
-- flags: no-writes
-- Returns {code, revision, now_ms, VISITOR_TRACES}
--   OK  issued: the last number that was given, 0 while the lobby has none; serving: the last one
--       that was called; shown: whether the number came to claim; called_ms and
--       until_ms: of a call that can be claimed, 0 for none; deferred: whether it found no room;
--       session_ms: the session's deadline, 0 when there is none; started_ms: when it began, 0
--       when that is not known
-- Complexity: O(log n) in ranges called and sessions
-- Events: none

-- include: calls

local number, pass_id = tonumber(ARGV.number), ARGV.pass_id
local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, SALE_FIELDS)
if refusal then return refusal end
local line = open_line(KEYS.line, with_clock('issued', 'frozen', 'serving'))
local clock_ms = read_line_clock(line, sale.now_ms)
local ahead_ms = sale.now_ms - clock_ms

-- The call of the number, as long as it can be claimed: when it was made, and until when it counts.
local function find_call()
  local deferred_ms = tonumber(redis.call('ZSCORE', KEYS.deferred, ARGV.number))
  if deferred_ms and deferred_ms > clock_ms then return 0, deferred_ms + ahead_ms, 1 end
  local range = find_range(KEYS.calls, number)
  if not range or range.deadline_ms <= clock_ms then return 0, 0, 0 end
  return range.called_ms + ahead_ms, range.deadline_ms + ahead_ms, 0
end

local shown, called_ms, until_ms, deferred = 0, 0, 0, 0
if number > 0 and number <= line.serving then
  shown = redis.call('GETBIT', KEYS.shown, number)
  called_ms, until_ms, deferred = find_call()
end
local session_ms, started_ms = nil, nil
if pass_id ~= '' then
  session_ms = read_session_deadline(KEYS.active, pass_id, sale.now_ms)
  started_ms = session_ms and tonumber(redis.call('ZSCORE', KEYS.started, pass_id))
end
return answer(sale, CODE.OK, VISITOR_TRACES.of(issued = line.frozen == 1 and line.issued or 0,
  serving = line.serving, shown = shown, called_ms = called_ms, until_ms = until_ms,
  deferred = deferred, session_ms = session_ms or 0, started_ms = started_ms or 0))
