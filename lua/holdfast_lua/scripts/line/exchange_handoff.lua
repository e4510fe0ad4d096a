-- Uses up a hand-off: the pass it stands for is given out once.
--
-- Atomic, because two exchanges of a hand-off that leaked must not both succeed. The caller has
-- verified its signature, audience and times; the mark outlives the hand-off, so that it cannot be
-- used again while it would still verify. A pass has so many marks at most: hand-offs are made
-- without the store, and whoever has a ticket can have any number of them.
--
-- KEYS: sale active line started handoffs
-- ARGV: epoch revision
--   pass_id  text
--   handoff  its id
--   keep_ms  integer, longer than a hand-off lasts
-- Returns {code, revision, now_ms, SESSION_END}
--   OK
--   HANDOFF_USED  it was exchanged before
--   SESSION_OVER  the session it stands for is over
--   HANDOFF_LIMITED  in place of SESSION_END ms until another one of this pass may be exchanged
-- Complexity: O(log active)
-- Events: none

-- include: guard
-- include: sessions

local KEPT_MAX = 30

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, {})
if refusal then return refusal end
local deadline_ms = read_session_deadline(KEYS.active, ARGV.pass_id, sale.now_ms)
if not deadline_ms then return refuse(sale, CODE.SESSION_OVER) end
if redis.call('ZSCORE', KEYS.handoffs, ARGV.handoff) then return refuse(sale, CODE.HANDOFF_USED) end
local first = redis.call('ZRANGEBYSCORE', KEYS.handoffs, sale.now_ms + 1, '+inf', 'WITHSCORES')
if #first / 2 >= KEPT_MAX then
  return refuse(sale, CODE.HANDOFF_LIMITED, tonumber(first[2]) - sale.now_ms)
end
redis.call('ZREMRANGEBYSCORE', KEYS.handoffs, '-inf', sale.now_ms)
redis.call('ZADD', KEYS.handoffs, sale.now_ms + tonumber(ARGV.keep_ms), ARGV.handoff)
redis.call('PEXPIRE', KEYS.handoffs, ARGV.keep_ms)
local terms = redis.call('HMGET', KEYS.line, 'session_ms', 'session_max_ms')
local line = { session_ms = tonumber(terms[1]) or 0, session_max_ms = tonumber(terms[2]) or 0 }
return commit_sale(sale, CODE.OK, SESSION_END.of(ms = deadline_ms,
  limit_ms = get_session_limit(KEYS.started, ARGV.pass_id, line, sale.now_ms)))
