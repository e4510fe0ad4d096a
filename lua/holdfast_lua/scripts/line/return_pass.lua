-- Takes up the session of a pass that was issued before the sale was rebuilt.
--
-- A rebuild knows how many visitors were inside, not who; each who comes back with a pass that has
-- not expired is one of those, and takes one of their slots. Once for each pass and epoch: a
-- session that has ended since must not be revived. One that lives has been taken up by another
-- request of its visitor, a moment ago.
--
-- KEYS: sale line active returned started
-- ARGV: epoch revision
--   pass_id     text
--   expires_ms  integer, of the pass
--   limit_ms    integer, until when it can be renewed by what it says; 0 where it says nothing
-- Returns {code, revision, now_ms}
--   OK            the session lives, until the pass expires
--   SESSION_OVER  it came back before and has ended since, or has expired
-- Complexity: O(log active)
-- Events: none

-- include: guard
-- include: sessions

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, {})
if refusal then return refusal end
local expires_ms = tonumber(ARGV.expires_ms)
local member = string.format('%.0f:%s', sale.epoch, ARGV.pass_id)
if expires_ms <= sale.now_ms then return refuse(sale, CODE.SESSION_OVER) end
if redis.call('SISMEMBER', KEYS.returned, member) == 1 then
  local lives = read_session_deadline(KEYS.active, ARGV.pass_id, sale.now_ms)
  return refuse(sale, lives and CODE.OK or CODE.SESSION_OVER)
end
redis.call('SADD', KEYS.returned, member)
redis.call('ZADD', KEYS.active, 'NX', expires_ms, ARGV.pass_id)
local terms = redis.call('HMGET', KEYS.line, 'session_ms', 'session_max_ms', 'lost_active')
local longest_ms = math.max(tonumber(terms[1]) or 0, tonumber(terms[2]) or 0)
local limit_ms = tonumber(ARGV.limit_ms)
local started_ms = limit_ms > 0 and limit_ms - longest_ms or sale.now_ms
start_session(KEYS.started, ARGV.pass_id, math.min(started_ms, sale.now_ms))
if (tonumber(terms[3]) or 0) > 0 then
  redis.call('HINCRBY', KEYS.line, 'lost_active', -1)
end
return commit_sale(sale, CODE.OK)
