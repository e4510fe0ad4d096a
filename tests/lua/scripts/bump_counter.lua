-- Test script: adds one to a plain counter, the smallest write there is.
-- KEYS: counter
-- ARGV: none
-- Returns {code, count}: OK.

return { CODE.OK, redis.call('INCR', KEYS[1]) }
