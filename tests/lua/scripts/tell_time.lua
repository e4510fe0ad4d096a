-- Test script: formats a moment as events do.
-- KEYS
--   1 sale  HASH, unused
-- ARGV
--   1 epoch     unused
--   2 revision  unused
--   3 ms        integer, since 1970
-- Returns {code, text}: OK.

-- include: events

return { CODE.OK, format_time(tonumber(ARGV[3])) }
