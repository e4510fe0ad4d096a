-- Ranges: the numbers that were called and may still claim, and the numbers that may be missing.
--
-- `calls` is a sorted set, one member per range, scored by the range's last number: "first last
-- count called_ms deadline_ms", times by the line's clock. `count` leaves out the numbers of a gap,
-- which nobody is known to hold.
--
-- Calls within one second share a range, however many workers tick, so there are at most as many
-- ranges as seconds in a claim window; scripts look at a bounded number of them at either end.

local function parse_range(member)
  local first, last, count, called_ms, deadline_ms =
    string.match(member, '^(%d+) (%d+) (%d+) (%-?%d+) (%-?%d+)$')
  return {
    member = member, first = tonumber(first), last = tonumber(last), count = tonumber(count),
    called_ms = tonumber(called_ms), deadline_ms = tonumber(deadline_ms),
  }
end

local function format_range(range)
  return string.format('%.0f %.0f %.0f %.0f %.0f', range.first, range.last, range.count,
    range.called_ms, range.deadline_ms)
end

-- Ranges from one position to another, oldest first; negative positions count from the newest.
local function read_ranges(key, from, to)
  local ranges = redis.call('ZRANGE', key, from, to)
  for position = 1, #ranges do ranges[position] = parse_range(ranges[position]) end
  return ranges
end

-- The range that holds a number, nil when its call has lapsed or it was never called.
local function find_range(key, number)
  local found = redis.call('ZRANGE', key, string.format('%.0f', number), '+inf', 'BYSCORE',
    'LIMIT', 0, 1)
  if #found == 0 then return nil end
  local range = parse_range(found[1])
  return range.first <= number and range or nil
end

-- Adds numbers to the newest range, or starts one. Deadlines never fall from one range to the next,
-- so ranges end in the order they were called, even when the claim window is shortened.
local function add_range(key, claim_ms, newest, first, last, count, clock_ms)
  local range = { first = first, last = last, count = count, called_ms = clock_ms,
    deadline_ms = clock_ms + claim_ms }
  if newest and clock_ms - newest.called_ms < CONST.RANGE_MS and newest.last + 1 == first then
    redis.call('ZREM', key, newest.member)
    range.first, range.count = newest.first, newest.count + count
    range.called_ms = newest.called_ms
  end
  if newest then range.deadline_ms = math.max(range.deadline_ms, newest.deadline_ms) end
  redis.call('ZADD', key, string.format('%.0f', last), format_range(range))
  return range
end

-- Gaps: numbers that a store loss may have lost, "first-last,first-last", rising and disjoint.

local function parse_gaps(text)
  local gaps = {}
  for first, last in string.gmatch(text, '(%d+)-(%d+)') do
    gaps[#gaps + 1] = { GAP.of(first = tonumber(first), last = tonumber(last)) }
  end
  return gaps
end

-- How many numbers of gaps lie in (after, upto].
local function count_missing(gaps, after, upto)
  local missing = 0
  for _, gap in ipairs(gaps) do
    missing = missing
      + math.max(0, math.min(GAP.last(gap), upto) - math.max(GAP.first(gap), after + 1) + 1)
  end
  return missing
end

-- The number at which `count` real ones after `serving` have been passed, how many those are, and
-- whether a gap ends there. A call ends with the first gap that it meets: visitors whose
-- numbers the loss did not delete may be in it, and nobody behind them is called before they have
-- had time to come.
local function find_frontier(gaps, serving, count)
  for _, gap in ipairs(gaps) do
    if GAP.last(gap) > serving then
      local before = math.max(0, GAP.first(gap) - 1 - serving)
      if before > count then break end
      return GAP.last(gap), before, true
    end
  end
  return serving + count, count, false
end
