-- Says which commands the store's user may not run.
--
-- It writes nothing, and has no flag that says so: a store that takes no writes at present (memory,
-- disk, replicas) refuses it up front, as it refuses every script that writes.
--
-- KEYS: none
-- ARGV:
--   key         a name that the service's keys may have
--   command...  what is run on such keys
-- Returns {FORBIDDEN}
--   OK  the commands that are forbidden
-- Complexity: O(commands)
-- Events: none

local commands = {}
for at = ARGV_AT.command, #ARGV do
  local key = ARGV.key -- thrice: BITOP wants as many arguments
  if not redis.acl_check_cmd(ARGV[at], key, key, key) then
    commands[#commands + 1] = ARGV[at]
  end
end
return { FORBIDDEN.of(code = CODE.OK, commands = commands) }
