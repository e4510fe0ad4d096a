-- Counts a join against what its client address may have.
--
-- Atomic, because two joins in one moment must not both take the last one. The limit is each sale's
-- own. It is not a change of the sale: the revision stays, and a store that loses it has lost
-- nothing that anybody was told.
--
-- KEYS
--   1 sale     HASH    guard; the sale's life
--   2 address  STRING  theoretical arrival time in ms; until the address is as good as unknown
-- ARGV
--   1 epoch     integer
--   2 revision  integer
--   3 rate      joins per minute
--   4 burst     joins at once
-- Returns {code, revision, now_ms, ms}
--   OK            how many more may come at once
--   JOIN_LIMITED  ms until the next may come
-- Complexity: O(1)
-- Events: none

-- include: guard
-- include: gcra

local MINUTE_MS = 60000
local rate, burst = tonumber(ARGV.rate), tonumber(ARGV.burst)
local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, {})
if refusal then return refusal end
local tat_ms = tonumber(redis.call('GET', KEYS.address)) or 0
local limited, left, retry_ms, reset_ms, tat = gcra(tat_ms, sale.now_ms, MINUTE_MS / rate, burst)
if limited then return refuse(sale, CODE.JOIN_LIMITED, math.ceil(retry_ms)) end
redis.call('SET', KEYS.address, string.format('%.3f', tat), 'PX', math.ceil(reset_ms))
return answer(sale, CODE.OK, left)
