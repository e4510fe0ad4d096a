-- Rates: how many passes any span of time can see, and how soon a called visitor can be expected.
--
-- A pass costs CONST.TOKEN: a millisecond at `rate` per minute adds exactly `rate`, so no fraction
-- is ever lost or made up. The bucket holds `burst`, or two ticks of rate where that is more: a
-- line that moves in ticks could not use its rate otherwise. What is stored is the level at the
-- last spending; the level now is computed.

local function get_most_tokens(rate, burst)
  return math.max(burst * CONST.TOKEN, rate * 2 * CONST.TICK_MS)
end

local function count_tokens(bucket, now_ms)
  local since_ms = math.max(0, now_ms - bucket.tokens_ms)
  return math.min(get_most_tokens(bucket.rate, bucket.burst), bucket.tokens + bucket.rate * since_ms)
end

-- How often a visitor near the front asks; a short claim window makes them ask more often.
local function get_poll_ms(line)
  return math.min(CONST.POLL_MS, line.claim_ms / CONST.POLLS_PER_WINDOW)
end

-- The time after which nearly all visitors who come have come: three polls.
local function get_notice_ms(line)
  return 3 * get_poll_ms(line)
end
