-- Marks the sales that a worker has had requests for, and reads which ones other workers have.
--
-- Every worker calls it about once a second, so that the worker that does the housekeeping knows
-- the sales that other workers have requests for. One script, so that all marks carry the store's
-- time and none is missed between two readings. The marks are a hint: a store that loses them has
-- them again a second later.
--
-- KEYS: requested
-- ARGV:
--   since   integer, ms of store time: only later marks are answered
--   uid...  the sales that the caller had requests for lately
-- Returns {MARKED_SALES}
--   OK  the sales marked after `since`, by anybody, ANSWER_MAX at most
-- Complexity: O((marks + answered) log kept)
-- Events: none

-- include: clock

local KEEP_MS = 60000
local ANSWER_MAX = 5000
local requested = KEYS.requested

local now_ms = read_clock_ms()
local now = string.format('%.0f', now_ms)
for at = ARGV_AT.uid, #ARGV do redis.call('ZADD', requested, now, ARGV[at]) end
redis.call('ZREMRANGEBYSCORE', requested, '-inf', string.format('(%.0f', now_ms - KEEP_MS))
redis.call('PEXPIRE', requested, KEEP_MS)
local marked = redis.call('ZRANGE', requested, '(' .. ARGV.since, '+inf', 'BYSCORE', 'LIMIT', 0,
  ANSWER_MAX)
return { MARKED_SALES.of(code = CODE.OK, now_ms = now_ms, uids = marked) }
