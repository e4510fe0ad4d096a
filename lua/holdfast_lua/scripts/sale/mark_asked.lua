-- Notes which sales a worker is asked for, and says which ones others are.
--
-- Every worker calls it about once a second, so that whoever does the housekeeping hears of a sale to
-- which something happens elsewhere. One script, so that all marks carry the store's time and nobody
-- misses one between reading and the next call. What it keeps is a hint: a store that loses it hears
-- everything again a second later.
--
-- KEYS
--   1 asked  ZSET  uid -> ms of store time of its last mark; for KEEP_MS
-- ARGV
--   1 since   integer, ms of store time: only marks of after it are told
--   2 uid...  the sales that the caller was asked for lately
-- Returns {code, now_ms, uid...}
--   OK  the sales marked after `since`, by anybody, TOLD_MAX at most
-- Complexity: O((marks + told) log kept)
-- Events: none

-- include: clock

local KEEP_MS = 60000
local TOLD_MAX = 5000
local asked = KEYS[1]

local now_ms = clock_now_ms()
local now = string.format('%.0f', now_ms)
for at = 2, #ARGV do redis.call('ZADD', asked, now, ARGV[at]) end
redis.call('ZREMRANGEBYSCORE', asked, '-inf', string.format('(%.0f', now_ms - KEEP_MS))
redis.call('PEXPIRE', asked, KEEP_MS)
local told = redis.call('ZRANGE', asked, '(' .. ARGV[1], '+inf', 'BYSCORE', 'LIMIT', 0, TOLD_MAX)
return { CODE.OK, now_ms, unpack(told) }
