-- Retries: the deferred visitors who have claimed again within RETRY_MS, by number. The
-- lowest of them are admitted first; those who have stopped claiming are not waited for.
--
-- Two sorted sets hold the same numbers: `retrying` by number, where those before a visitor are one
-- rank (ZCOUNT, O(log n)), and `retried` by the time of their last claim, which gives up whoever
-- has stopped. Each claim puts a number in at most once and each is taken out once, so a claim
-- costs O(log n) whatever the number of those who wait, and the sets never hold more than are
-- deferred.

-- Forgets those who have stopped claiming, a bounded number at a time. The others of them count
-- until the next call, so that visitors behind them wait longer by that.
local function sweep_retries(line, keys, clock_ms)
  local until_ms = clock_ms - math.min(CONST.RETRY_MS, line.claim_ms)
  local gone = redis.call('ZRANGE', keys.retried, '-inf', string.format('%.0f', until_ms), 'BYSCORE',
    'LIMIT', 0, CONST.RETRY_SWEEP_MAX)
  if #gone > 0 then
    redis.call('ZREM', keys.retrying, unpack(gone))
    redis.call('ZREM', keys.retried, unpack(gone))
  end
end

-- How many with a lower number are trying.
local function count_retries_before(line, keys, number, clock_ms)
  sweep_retries(line, keys, clock_ms)
  return redis.call('ZCOUNT', keys.retrying, '-inf', string.format('(%.0f', number))
end

local function note_retry(keys, number, clock_ms)
  redis.call('ZADD', keys.retrying, number, number)
  redis.call('ZADD', keys.retried, string.format('%.0f', clock_ms), number)
end

local function forget_retry(keys, number)
  redis.call('ZREM', keys.retrying, number)
  redis.call('ZREM', keys.retried, number)
end
