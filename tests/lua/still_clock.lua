-- A clock that stands still unless a test moves it, for tests that must replay exactly.

local function read_clock_ms()
  return tonumber(redis.call('GET', 'hf:test:still_ms'))
end
