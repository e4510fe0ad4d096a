-- Test script: formats a moment as events do.
-- KEYS: sale
-- ARGV: epoch revision
--   ms  integer, since 1970
-- Returns {code, text}: OK.

-- include: events

return { CODE.OK, format_time(tonumber(ARGV[3])) }
