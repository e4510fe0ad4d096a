-- Reads who has been called and what became of them, for the checkpoint that a rebuild starts from.
--
-- A script, because ranges, bits, deferred visitors and counters must be of one moment. What it
-- answers is bounded: of a claim window longer than RANGES_MAX ranges the oldest are answered as
-- one range, and of more numbers than SHOWN_MAX bytes of bits or more deferred than DEFERRED_MAX
-- the oldest count as lapsed.
--
-- KEYS: sale line calls shown deferred
-- ARGV: epoch revision
-- flags: no-writes
-- Returns {code, revision, now_ms, OPEN_CALLS}
--   OK  ranges as in the key, joined by commas; shown_from the byte that `shown` begins with; deferred
--       numbers joined by spaces
-- Complexity: O(n) in ranges and deferred visitors, O(bytes) of the bits, each bounded
-- Events: none

-- include: calls

local RANGES_MAX, SHOWN_MAX, DEFERRED_MAX = 4096, 1048576, 50000
local calls_key, shown_key, deferred_key = KEYS.calls, KEYS.shown, KEYS.deferred

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, {})
if refusal then return refusal end
local line = open_line(KEYS.line)

-- What is older than the ranges given, as one; its count is what is left of all who are
-- outstanding.
local function merge_oldest(ranges, deferred, absent)
  local older = redis.call('ZCARD', calls_key) - #ranges
  if older < 1 then return end
  local first = read_ranges(calls_key, 0, 0)[1]
  first.last = read_ranges(calls_key, older - 1, older - 1)[1].last
  first.count = count_outstanding(line) - deferred - absent + count_shown(shown_key, first)
  table.insert(ranges, 1, first)
end

local function outstanding_ranges(deferred)
  local ranges, absent = read_ranges(calls_key, -RANGES_MAX, -1), 0
  for _, range in ipairs(ranges) do
    absent = absent + range.count - count_shown(shown_key, range)
  end
  merge_oldest(ranges, deferred, absent)
  return ranges
end

-- The ranges that are answered and how many of them have not come.
local function keep_newest(ranges)
  local lowest, members, absent = line.serving - 8 * SHOWN_MAX, {}, 0
  for _, range in ipairs(ranges) do
    if range.first > lowest then
      members[#members + 1] = format_range(range)
      absent = absent + range.count - count_shown(shown_key, range)
    end
  end
  return members, absent
end

local ranges = outstanding_ranges(redis.call('ZCARD', deferred_key))
local members, absent = keep_newest(ranges)
local deferred = redis.call('ZRANGE', deferred_key, -DEFERRED_MAX, -1)
local from = 0
local shown = ''
if #members > 0 then
  from = math.floor(parse_range(members[1]).first / 8)
  shown = redis.call('GETRANGE', shown_key, from, math.floor(line.serving / 8))
end
local lapsed = line.called - line.claimed - absent - #deferred
return answer(sale, CODE.OK, OPEN_CALLS.of(issued = line.issued, serving = line.serving,
  called = line.called, claimed = line.claimed, lapsed = lapsed, admitted = line.admitted,
  clock_ms = read_line_clock(line, sale.now_ms), show_called = tostring(line.show_called),
  show_shown = tostring(line.show_shown), ranges = table.concat(members, ','), shown_from = from,
  shown = shown, deferred = table.concat(deferred, ' ')))
