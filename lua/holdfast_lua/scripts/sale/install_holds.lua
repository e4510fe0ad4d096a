-- Installs a chunk of holds, with a deadline for those that have one; see install_inventory.
--
-- KEYS: sale install_fence holds due
-- ARGV:
--   epoch    integer, of the installation
--   hold...  INSTALLED_HOLD, ...: id, deadline in ms or 0, value
--
-- Returns {FENCE}: OK, UNCHANGED, INSTALL_FENCED.
-- Complexity: O(holds).

-- include: fence

local epoch = tonumber(ARGV.epoch)
local refusal = check_fence(KEYS.sale, KEYS.install_fence, epoch)
if refusal then return refusal end

for at = ARGV_AT.hold, #ARGV, INSTALLED_HOLD.count do
  local INSTALLED_HOLD.names = INSTALLED_HOLD.items(ARGV, at)
  redis.call('HSET', KEYS.holds, id, value)
  if due_ms ~= '0' then redis.call('ZADD', KEYS.due, due_ms, id) end
end
return { FENCE.of(code = CODE.OK, epoch = epoch, nonce = '') }
