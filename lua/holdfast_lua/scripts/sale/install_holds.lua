-- Installs a chunk of holds, with a deadline for those that have one; see install_inventory.
--
-- KEYS
--   1 sale    HASH    guard, lifecycle, counters
--   2 fence   STRING  newest epoch that has begun to install
--   3 holds   HASH    the hold
--   4 due     ZSET    deadlines
-- ARGV
--   1 epoch    integer, of the installation
--   2 hold...  hold_id, deadline_ms or 0, value, ...
--
-- Returns {code, epoch}: OK, UNCHANGED, INSTALL_FENCED.
-- Complexity: O(holds).

-- include: fence

local epoch = tonumber(ARGV[1])
local refusal = check_fence(KEYS[1], KEYS[2], epoch)
if refusal then return refusal end

for at = 2, #ARGV, 3 do
  redis.call('HSET', KEYS[3], ARGV[at], ARGV[at + 2])
  if ARGV[at + 1] ~= '0' then redis.call('ZADD', KEYS[4], ARGV[at + 1], ARGV[at]) end
end
return { CODE.OK, epoch }
