-- Test script: keeps the store busy for a while of CPU time, then counts.
--
-- The engine's own TIME will not do: Valkey lets it stand still while a script runs.
-- KEYS: counter
-- ARGV:
--   ms  integer, how long
-- Returns {code, count}: OK.

local due = os.clock() + tonumber(ARGV[1]) / 1000
while os.clock() < due do
end
return { CODE.OK, redis.call('INCR', KEYS[1]) }
