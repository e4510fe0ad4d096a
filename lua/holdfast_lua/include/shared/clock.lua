-- The store's clock, read once per script.
--
-- read_clock_ms() is the only way a script learns the time. Tests replace this one file, so that
-- time can be driven without a branch in the code that goes on sale.

local function read_clock_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
