-- Test script: answers an error reply, as a script does for a programmer's mistake.
-- KEYS: any
-- ARGV:
--   message...  text, joined
-- Returns an error reply.

return redis.error_reply('ERR ' .. table.concat(ARGV, ' ', 1))
