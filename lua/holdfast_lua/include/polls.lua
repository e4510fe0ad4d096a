-- Polls: how soon a visitor who is called can be expected to come.

local POLL_MS = 2000

-- How often a visitor near the front asks; a short claim window makes them ask more often.
local function calls_poll_ms(line)
  return math.min(POLL_MS, line.claim_ms / 3)
end

-- After so long nearly all who will come have come: three polls.
local function calls_notice_ms(line)
  return 3 * calls_poll_ms(line)
end
