-- Begins the installation of a sale's inventory: takes the sale down and writes its seats.
--
-- Atomic, so that no script can run between the end of the old inventory and the fence of the new
-- one. When this epoch has begun before, by another process or one that died, nothing is wiped:
-- both write the same.
--
-- KEYS: sale install_fence seats rows layout holds buyers due
-- ARGV:
--   epoch   integer, of the installation
--   seats   bytes, empty for none
--   rows    bytes
--   layout  bytes
--   nonce   hex, the fence's if this epoch has not begun here yet
--
-- Returns {FENCE}: OK, with the fence's nonce; UNCHANGED when this epoch is installed;
-- INSTALL_FENCED for an older one.
-- Complexity: O(seats) bytes.

-- include: fence

local epoch = tonumber(ARGV.epoch)
local refusal = check_fence(KEYS.sale, KEYS.install_fence, epoch)
if refusal then return refusal end

local begun, nonce = read_fence(KEYS.install_fence)
if begun ~= epoch then
  nonce = ARGV.nonce
  redis.call('DEL', KEYS.sale, KEYS.seats, KEYS.rows, KEYS.layout, KEYS.holds, KEYS.buyers, KEYS.due)
  redis.call('SET', KEYS.install_fence, ARGV.epoch .. ' ' .. nonce)
end
redis.call('DEL', KEYS.sale)
redis.call('SET', KEYS.seats, ARGV.seats)
redis.call('SET', KEYS.rows, ARGV.rows)
redis.call('SET', KEYS.layout, ARGV.layout)
return { FENCE.of(code = CODE.OK, epoch = epoch, nonce = nonce) }
