-- Restoring calls: puts back who was called and had not been served when the checkpoint was taken.
--
-- Ranges keep the times at which they were called, since by these the share of those who come is
-- measured; the line's clock goes on from where it stood, and every call has a whole claim window
-- again.

-- include: retries
-- include: rates
-- include: ranges

local BATCH = 500

local function restore_ranges(calls_key, text, deadline_ms)
  local entries = {}
  for member in string.gmatch(text, '[^,]+') do
    local range = parse_range(member)
    range.deadline_ms = deadline_ms
    entries[#entries + 1] = string.format('%.0f', range.last)
    entries[#entries + 1] = format_range(range)
    if #entries >= 2 * BATCH then
      redis.call('ZADD', calls_key, unpack(entries))
      entries = {}
    end
  end
  if #entries > 0 then redis.call('ZADD', calls_key, unpack(entries)) end
end

-- Deferred visitors count as claiming again, so that nobody who joins now is admitted before them.
local function restore_deferred(keys, text, claim_ms, clock_ms)
  local deadline = string.format('%.0f', clock_ms + claim_ms)
  for number in string.gmatch(text, '%d+') do
    redis.call('ZADD', keys.deferred, deadline, number)
    redis.call('SETBIT', keys.shown, number, 1)
    note_retry(keys, number, clock_ms)
  end
end
