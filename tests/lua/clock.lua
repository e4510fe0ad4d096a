-- The clock of the test bundle: store time plus an offset that the `clock` fixture moves, or a time
-- that stands still until it is moved.

local function read_clock_ms()
  local set = redis.call('MGET', 'hf:test:stopped_ms', 'hf:test:offset_ms')
  if set[1] then return tonumber(set[1]) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000) + (tonumber(set[2]) or 0)
end
