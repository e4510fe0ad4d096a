-- Asking: the deferred visitors who have asked within ASKING_MS, by number. What there is goes to the
-- lowest of them first; who has stopped asking is not waited for.
--
-- Two sorted sets hold the same numbers: `asking` by number, where those before a visitor are one rank
-- (ZCOUNT, O(log n)), and `asked` by the time of their last ask, which gives up whoever has stopped.
-- Each ask puts a number in at most once and each is taken out once, so a claim costs O(log n) whatever
-- the number of those who ask, and the sets never hold more than are deferred.

local ASKING_MS = 3000
local ASKING_SWEEP_MAX = 200

-- Forgets those who have stopped asking, a bounded number at a time. Whoever is left over counts as
-- asking until the next look: others wait a moment longer, nobody is passed.
local function asking_sweep(line, keys, clock_ms)
  local until_ms = clock_ms - math.min(ASKING_MS, line.claim_ms)
  local gone = redis.call('ZRANGE', keys.asked, '-inf', string.format('%.0f', until_ms), 'BYSCORE',
    'LIMIT', 0, ASKING_SWEEP_MAX)
  if #gone > 0 then
    redis.call('ZREM', keys.asking, unpack(gone))
    redis.call('ZREM', keys.asked, unpack(gone))
  end
end

-- How many with a lower number are asking.
local function asking_before(line, keys, number, clock_ms)
  asking_sweep(line, keys, clock_ms)
  return redis.call('ZCOUNT', keys.asking, '-inf', string.format('(%.0f', number))
end

local function asking_note(keys, number, clock_ms)
  redis.call('ZADD', keys.asking, number, number)
  redis.call('ZADD', keys.asked, string.format('%.0f', clock_ms), number)
end

local function asking_forget(keys, number)
  redis.call('ZREM', keys.asking, number)
  redis.call('ZREM', keys.asked, number)
end
