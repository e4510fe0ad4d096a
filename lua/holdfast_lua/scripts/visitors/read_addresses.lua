-- Reads which client addresses join unusually often, those with the most joins first.
--
-- KEYS: sale often_joining refused_joins
-- ARGV: epoch revision
--   limit  at most so many
-- flags: no-writes
-- Returns {code, revision, now_ms, ADDRESSES}
-- Complexity: O(limit + log n)
-- Events: none

-- include: guard

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, {})
if refusal then return refusal end
local joins = redis.call('ZRANGE', KEYS.often_joining, 0, tonumber(ARGV.limit) - 1, 'REV', 'WITHSCORES')
local refused = {}
for at = 1, #joins, ADDRESS_JOINS.count do
  local address = ADDRESS_JOINS.address(joins, at)
  refused[#refused + 1] = tonumber(redis.call('ZSCORE', KEYS.refused_joins, address)) or 0
end
return answer(sale, CODE.OK, ADDRESSES.names)
