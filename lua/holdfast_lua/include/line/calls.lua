-- Calls: how many of the visitors who were called have come, and how many are still expected.
--
-- `shown` is a bitmap: a bit per number that came to claim. So claims need not touch a range, and
-- lapses are counted exactly when it ends. Who came but found no room is in `deferred` with a
-- deadline of their own.

-- include: line
-- include: ranges

local function count_shown(key, range)
  return redis.call('BITCOUNT', key, string.format('%.0f', range.first),
    string.format('%.0f', range.last), 'BIT')
end

-- The share of called visitors who show up, how many are still expected to, and the newest range.
--
-- The share is taken over calls older than three polls: by then nearly all who will come have come,
-- so it converges within the first claim window instead of after it; and over the newest LOOK_BACK
-- ranges, about a minute of calls. Ended ranges count on with a falling weight, and a line that has
-- none starts from 1, which calls too few and never too many.
local function estimate_expected(line, calls_key, shown_key, deferred_key, clock_ms)
  local ranges = read_ranges(calls_key, -CONST.LOOK_BACK, -1)
  local mature_ms = clock_ms - get_notice_ms(line)
  local called, shown = line.show_called + CONST.SHARE_PRIOR, line.show_shown + CONST.SHARE_PRIOR
  local young_called, young_shown = 0, 0
  for position = 1, #ranges do
    local range = ranges[position]
    local came = count_shown(shown_key, range)
    if range.called_ms <= mature_ms then
      called, shown = called + range.count, shown + came
    else
      young_called, young_shown = young_called + range.count, young_shown + came
    end
  end
  local share = math.max(CONST.SHARE_MIN, math.min(1, shown / called))
  local waiting = redis.call('ZCOUNT', deferred_key, string.format('(%.0f', clock_ms), '+inf')
  return share, math.max(0, young_called * share - young_shown) + waiting, ranges[#ranges]
end

-- Counts an ended range in the share, with a weight that leaves newer ranges decisive.
local function remember_range(line, range, came)
  local called, shown = line.show_called + range.count, line.show_shown + came
  local scale = math.min(1, CONST.SHARE_MEMORY / math.max(1, called))
  set_line(line, 'show_called', string.format('%.3f', called * scale))
  set_line(line, 'show_shown', string.format('%.3f', shown * scale))
end
