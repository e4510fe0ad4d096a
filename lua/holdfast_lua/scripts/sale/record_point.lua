-- Adds a point to the history of a sale's figures: to the last hour, and to the whole sale.
--
-- Both are bounded: the hour by its number of points, the whole by doubling its step, and leaving
-- out every other point, when it spans too many of them. One script, so that two leaders, of two
-- nodes or at a change of the leader, add no point twice and halve nothing twice: a point that is
-- not a step later than the last one is left out. A loss of the store leaves a gap, which stays. It
-- changes no revision, since nothing is decided by the history.
--
-- KEYS: sale history_hour history_whole history_step
-- ARGV: epoch revision
--   at_ms      when the point is of, a multiple of step_ms
--   step_ms    the step of the hour
--   hour_max   how many points the hour has
--   whole_max  how many steps the whole sale spans
--   point      POINT, packed
-- Returns {code, revision, now_ms}
--   OK         the point was added
--   UNCHANGED  the hour has this point, or a later one
-- Complexity: O(1); O(whole_max) when the step doubles
-- Events: none

-- include: guard

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, {})
if refusal then return refusal end
local at_ms, step_ms = tonumber(ARGV.at_ms), tonumber(ARGV.step_ms)
local hour_max, whole_max = tonumber(ARGV.hour_max), tonumber(ARGV.whole_max)

local function read_last_ms(key)
  local last = redis.call('LINDEX', key, -1)
  return last and POINT.at_ms(cmsgpack.unpack(last)) or -step_ms
end

local function get_place(ms, step) return math.floor(ms / step) end

-- Doubles the step until the whole sale spans few enough of them, and leaves the first point of
-- each.
local function lengthen_step(step)
  local first = redis.call('LINDEX', KEYS.history_whole, 0)
  local first_ms, longer = first and POINT.at_ms(cmsgpack.unpack(first)) or at_ms, step
  while get_place(at_ms, longer) - get_place(first_ms, longer) >= whole_max do
    longer = 2 * longer
  end
  if longer == step then return step end
  local points = redis.call('LRANGE', KEYS.history_whole, 0, -1)
  redis.call('DEL', KEYS.history_whole)
  local filled = -1
  for _, point in ipairs(points) do
    local place = get_place(POINT.at_ms(cmsgpack.unpack(point)), longer)
    if place > filled then redis.call('RPUSH', KEYS.history_whole, point) end
    filled = place
  end
  redis.call('SET', KEYS.history_step, string.format('%.0f', longer))
  return longer
end

if at_ms < read_last_ms(KEYS.history_hour) + step_ms then return answer(sale, CODE.UNCHANGED) end
redis.call('RPUSH', KEYS.history_hour, ARGV.point)
redis.call('LTRIM', KEYS.history_hour, -hour_max, -1)
local step = lengthen_step(tonumber(redis.call('GET', KEYS.history_step) or step_ms))
if get_place(at_ms, step) > get_place(read_last_ms(KEYS.history_whole), step) then
  redis.call('RPUSH', KEYS.history_whole, ARGV.point)
end
return answer(sale, CODE.OK)
