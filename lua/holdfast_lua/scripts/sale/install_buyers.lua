-- Installs a chunk of the buyers' entries; see install_inventory.
--
-- KEYS: sale install_fence buyers
-- ARGV:
--   epoch     integer, of the installation
--   entry...  buyer, entry, buyer, entry, ...
--
-- Returns {FENCE}: OK, UNCHANGED, INSTALL_FENCED.
-- Complexity: O(entries).

-- include: fence

local epoch = tonumber(ARGV.epoch)
local refusal = check_fence(KEYS.sale, KEYS.install_fence, epoch)
if refusal then return refusal end

redis.call('HSET', KEYS.buyers, unpack(ARGV, ARGV_AT.entry))
return { FENCE.of(code = CODE.OK, epoch = epoch, nonce = '') }
