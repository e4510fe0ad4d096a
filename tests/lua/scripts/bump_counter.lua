-- Test script: adds one to a plain counter, the smallest write there is.
-- KEYS
--   1 counter  STRING integer
-- ARGV: none
-- Returns {code, count}: OK.

return { CODE.OK, redis.call('INCR', KEYS[1]) }
