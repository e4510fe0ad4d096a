-- Counts a join against what its client address may have.
--
-- Atomic, because two joins in one moment must not both take the last one. The limit is each sale's
-- own. It is not a change of the sale: the revision stays, and a store may lose it. Of an address a
-- digest is kept, unless it joins unusually often: operators are told of those.
--
-- KEYS: sale often_joining refused_joins address
-- ARGV: epoch revision
--   rate    joins per minute
--   burst   joins at once
--   client  text, the address itself
-- Returns {code, revision, now_ms}
--   OK
--   JOIN_LIMITED  and ms until the next may come
-- Complexity: O(log n) in the addresses that are noted, at most NOTED_MAX
-- Events: none

-- include: guard
-- include: gcra

local MINUTE_MS = 60000
local NOTED_JOINS, NOTED_MAX, NOTED_KEPT_MS = 3, 500, 24 * 60 * 60 * 1000
local rate, burst = tonumber(ARGV.rate), tonumber(ARGV.burst)
local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, {})
if refusal then return refusal end

-- Counts one more for an address that joins unusually often. When too many do, those with the
-- fewest are forgotten.
local function note(key, count)
  redis.call('ZINCRBY', key, count, ARGV.client)
  if redis.call('ZCARD', key) > NOTED_MAX then redis.call('ZPOPMIN', key) end
  redis.call('PEXPIRE', key, NOTED_KEPT_MS)
end

-- An address is noted from the join on with which it has taken more than half of what it may have
-- at once, and then with all that it has taken.
local function note_join(left)
  local taken = burst - left
  if taken < NOTED_JOINS or 2 * taken <= burst then return end
  local noted = redis.call('ZSCORE', KEYS.often_joining, ARGV.client)
  note(KEYS.often_joining, noted and 1 or taken)
end

local tat_ms = tonumber(redis.call('GET', KEYS.address)) or 0
local limited, left, retry_ms, reset_ms, tat = gcra(tat_ms, sale.now_ms, MINUTE_MS / rate, burst)
if limited then
  note(KEYS.refused_joins, 1)
  return refuse(sale, CODE.JOIN_LIMITED, math.ceil(retry_ms))
end
redis.call('SET', KEYS.address, string.format('%.3f', tat), 'PX', math.ceil(reset_ms))
note_join(left)
return answer(sale, CODE.OK)
