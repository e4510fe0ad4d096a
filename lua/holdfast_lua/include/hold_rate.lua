-- How fast a buyer with a pass may end holds: a rate limit (GCRA), kept in the buyer's entry.
--
-- Each hold that ends leaves a record, and each cancellation of what never came a tombstone; both tell
-- what has been, for a while, to whoever asks or pays late. So the rate at which one buyer ends holds
-- bounds what they can fill the store with. Ending is never refused: it gives seats back. It is
-- charged, and who has ended too many waits with the next hold or tombstone. Nobody who chooses seats
-- comes near to sixty in one session and one a minute after. Platforms, which buy for many, are not
-- limited.

-- include: gcra

local ENDS_AT_ONCE, END_EVERY_MS = 60, 60 * 1000

-- The `tat` of a buyer who has ended one more.
local function rate_charged(tat_ms, now_ms)
  return math.max(tat_ms, now_ms) + END_EVERY_MS
end

-- For how long a buyer must wait; nil when they need not.
local function rate_wait_ms(tat_ms, now_ms)
  if tat_ms <= now_ms then return nil end
  local limited, _, wait_ms = gcra(tat_ms, now_ms, END_EVERY_MS, ENDS_AT_ONCE)
  return limited and wait_ms or nil
end
