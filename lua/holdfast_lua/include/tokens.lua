-- Tokens: the bucket that bounds how many passes any span of time can see.
--
-- Counted in 1/60000: a millisecond at `rate` per minute adds exactly `rate` of them, so no fraction
-- is ever lost or made up. The bucket holds `burst`, or two ticks of rate where that is more: a line
-- that moves in ticks could not use its rate otherwise. What is stored is the level at the last
-- spending; the level now is computed.

local TOKEN = 60000
local TICK_MS = 250

local function tokens_most(rate, burst)
  return math.max(burst * TOKEN, rate * 2 * TICK_MS)
end

local function tokens_now(bucket, now_ms)
  local since_ms = math.max(0, now_ms - bucket.tokens_ms)
  return math.min(tokens_most(bucket.rate, bucket.burst), bucket.tokens + bucket.rate * since_ms)
end
