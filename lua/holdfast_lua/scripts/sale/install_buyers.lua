-- Installs a chunk of the buyers' entries; see install_inventory.
--
-- KEYS
--   1 sale    HASH    guard, lifecycle, counters
--   2 fence   STRING  newest epoch that has begun to install
--   3 buyers  HASH    units and hold ids by buyer
-- ARGV
--   1 epoch     integer, of the installation
--   2 entry...  buyer, entry, buyer, entry, ...
--
-- Returns {code, epoch}: OK, UNCHANGED, INSTALL_FENCED.
-- Complexity: O(entries).

-- include: fence

local epoch = tonumber(ARGV.epoch)
local refusal = check_fence(KEYS.sale, KEYS.fence, epoch)
if refusal then return refusal end

redis.call('HSET', KEYS.buyers, unpack(ARGV, ARGV_AT.entry))
return { CODE.OK, epoch }
