-- The clock of the test bundle: store time plus an offset that the `clock` fixture moves.

local function clock_now_ms()
  local time = redis.call('TIME')
  local offset_ms = tonumber(redis.call('GET', 'hf:test:offset_ms')) or 0
  return time[1] * 1000 + math.floor(time[2] / 1000) + offset_ms
end
