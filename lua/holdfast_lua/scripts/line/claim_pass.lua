-- Turns the call of one visitor into an admission.
--
-- Atomic, because the token, the slot, the stock set aside, the bit of the number and the session
-- are one decision. The caller has verified the ticket: number and pass id belong together.
--
-- Invariants: never more passes than the bucket allows nor more sessions than the cap; a number is
-- admitted once, whatever tickets carry it; the same ticket again gets the same admission as long
-- as its session lives, and CALL_EXPIRED after it. A called visitor who finds no room is not sent
-- away: they are deferred, with a deadline of their own that each attempt moves on, and while they
-- go on claiming nobody with a higher number is admitted in their stead, however many do
-- (retries.lua).
--
-- KEYS: sale events line active unheld calls shown deferred retrying retried returned started
-- ARGV: epoch revision
--   number   integer from 1
--   pass_id  the only pass that this ticket can become
-- Returns {code, revision, now_ms, SESSION_END}
--   ADMITTED
--   ADMITTED_BEFORE  the same admission as before
--   ADMITTED_AT_JOIN  likewise, but nobody has claimed it yet
--   DEFERRED         in place of SESSION_END ms after which to come again: no token, slot or stock at the moment
--   NOT_CALLED       the turn is yet to come
--   LINE_STOPPED     called, but nobody is let in at present; the call's deadline stands still
--   CALL_EXPIRED     lapsed, or the session ended, or the place was another ticket's
--   LINE_SOLD_OUT, SALE_CLOSED
-- Complexity: O(log n) in ranges called, sessions and those deferred
-- Events: pass.issued

-- include: retries
-- include: find_place

local number, pass_id = tonumber(ARGV.number), ARGV.pass_id
local keys = { KEYS.members }

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, SALE_FIELDS)
if refusal then return refusal end
local session_ms = read_session_deadline(KEYS.active, pass_id, sale.now_ms)
if session_ms then
  local wanted = open_line(KEYS.line, { 'session_ms', 'session_max_ms' })
  local limit_ms = get_session_limit(keys.started, pass_id, wanted, sale.now_ms)
  if redis.call('SETBIT', keys.shown, number, 1) == 1 then
    return answer(sale, CODE.ADMITTED_BEFORE, SESSION_END.of(ms = session_ms, limit_ms = limit_ms))
  end
  -- After a store loss a number may be called again whose pass has brought its session back
  -- already.
  if find_range(keys.calls, number) then redis.call('HINCRBY', KEYS.line, 'claimed', 1) end
  return commit_sale(sale, CODE.ADMITTED_AT_JOIN,
    SESSION_END.of(ms = session_ms, limit_ms = limit_ms))
end
local line = open_line(KEYS.line)
local place, _, came_before, served = find_place(sale, line, keys, number, pass_id)
if is_closed(sale) then return refuse(sale, CODE.SALE_CLOSED) end
if place ~= CODE.CALLED then return refuse(sale, place) end

-- Admitted before a store loss: the session, in its slot, until it must have been over.
if served then
  local until_ms = math.min(sale.now_ms + line.session_ms, line.lost_until_ms)
  redis.call('ZADD', keys.active, string.format('%.0f', until_ms), pass_id)
  redis.call('SADD', keys.returned, get_return_marks(sale, number, pass_id))
  start_session(keys.started, pass_id, sale.now_ms)
  set_line(line, 'lost_active', line.lost_active - 1)
  save_line(line)
  return commit_sale(sale, CODE.ADMITTED_BEFORE, SESSION_END.of(ms = until_ms,
    limit_ms = get_session_limit(keys.started, pass_id, line, sale.now_ms)))
end
if is_line_sold_out(sale) then return refuse(sale, CODE.LINE_SOLD_OUT) end
if line.stopped_ms > 0 then return refuse(sale, CODE.LINE_STOPPED) end

-- When a token should be there for this visitor, after those before.
local function ask_again_ms(tokens, before)
  local poll_ms = get_poll_ms(line)
  if tokens >= 1 + before or line.rate == 0 then return poll_ms end
  local due_ms = (1 + before - tokens) * CONST.TOKEN / line.rate
  return math.max(CONST.POLL_LEAST_MS, math.min(poll_ms, due_ms))
end

local tokens, slots, stock = measure_room(sale, line, keys.active, keys.unheld)
local clock_ms = read_line_clock(line, sale.now_ms)
local before = count_retries_before(line, keys, number, clock_ms)
if math.min(tokens, slots, stock) < 1 + before then
  redis.call('SETBIT', keys.shown, number, 1)
  redis.call('ZADD', keys.deferred, string.format('%.0f', clock_ms + line.claim_ms), number)
  note_retry(keys, number, clock_ms)
  return commit_sale(sale, CODE.DEFERRED, math.ceil(ask_again_ms(tokens, before)))
end

if came_before then
  redis.call('ZREM', keys.deferred, number)
  forget_retry(keys, number)
end
redis.call('SETBIT', keys.shown, number, 1)
if number <= line.lost_serving then
  redis.call('SADD', keys.returned, get_return_marks(sale, number, pass_id))
end
local ends_ms, limit_ms = admit_passes(sale, line, keys, { pass_id }, number)
save_line(line)
return commit_sale(sale, CODE.ADMITTED, SESSION_END.of(ms = ends_ms, limit_ms = limit_ms))
