-- Test script: keeps the store busy for a while of store time, then counts.
-- KEYS
--   1 counter  STRING integer
-- ARGV
--   1 ms  integer, how long
-- Returns {code, count}: OK.

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + time[2] / 1000
end

local due_ms = now_ms() + tonumber(ARGV[1])
local turns = 0
while now_ms() < due_ms and turns < 1e8 do
  turns = turns + 1
end
return { CODE.OK, redis.call('INCR', KEYS[1]) }
