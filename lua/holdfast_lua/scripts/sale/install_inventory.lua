-- Begins the installation of a sale's inventory: takes the sale down and writes its seats.
--
-- Atomic, so that no script can run between the end of the old inventory and the fence of the new
-- one. When this epoch has begun before, by another process or one that died, nothing is wiped:
-- both write the same.
--
-- KEYS
--   1 sale    HASH    guard, lifecycle, counters
--   2 fence   STRING  newest epoch that has begun to install, and its nonce
--   3 seats   STRING  one byte a seat
--   4 rows    STRING  one byte a row segment
--   5 layout  STRING  records of the row segments
--   6 holds   HASH    the hold
--   7 buyers  HASH    units and hold ids by buyer
--   8 due     ZSET    deadlines
-- ARGV
--   1 epoch   integer, of the installation
--   2 seats   bytes, empty for none
--   3 rows    bytes
--   4 layout  bytes
--   5 nonce   hex, the fence's if this epoch has not begun here yet
--
-- Returns {code, epoch, nonce}: OK, with the fence's nonce; UNCHANGED when this epoch is installed;
-- INSTALL_FENCED for an older one.
-- Complexity: O(seats) bytes.

-- include: fence

local epoch = tonumber(ARGV.epoch)
local refusal = check_fence(KEYS.sale, KEYS.fence, epoch)
if refusal then return refusal end

local begun, nonce = read_fence(KEYS.fence)
if begun ~= epoch then
  nonce = ARGV.nonce
  redis.call('DEL', KEYS.sale, KEYS.seats, KEYS.rows, KEYS.layout, KEYS.holds, KEYS.buyers, KEYS.due)
  redis.call('SET', KEYS.fence, ARGV.epoch .. ' ' .. nonce)
end
redis.call('DEL', KEYS.sale)
redis.call('SET', KEYS.seats, ARGV.seats)
redis.call('SET', KEYS.rows, ARGV.rows)
redis.call('SET', KEYS.layout, ARGV.layout)
return { CODE.OK, epoch, nonce }
