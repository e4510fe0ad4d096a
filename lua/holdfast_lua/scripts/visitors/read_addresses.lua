-- Reads which client addresses join unusually often, those with the most joins first.
--
-- KEYS
--   1 sale     HASH    guard; the sale's life
--   2 often    ZSET    client address -> joins; a day
--   3 refused  ZSET    client address -> joins that were refused; a day
-- ARGV
--   1 epoch     integer
--   2 revision  integer
--   3 limit     at most so many
-- flags: no-writes
-- Returns {code, revision, now_ms, {address, joins, ...}, {refused, ...}}
--   OK  the second list has a number for each address of the first
-- Complexity: O(limit + log n)
-- Events: none

-- include: guard

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, {})
if refusal then return refusal end
local found = redis.call('ZRANGE', KEYS.often, 0, tonumber(ARGV.limit) - 1, 'REV', 'WITHSCORES')
local refused = {}
for at, text in ipairs(found) do
  if at % 2 == 1 then
    refused[#refused + 1] = tonumber(redis.call('ZSCORE', KEYS.refused, text)) or 0
  end
end
return answer(sale, CODE.OK, found, refused)
