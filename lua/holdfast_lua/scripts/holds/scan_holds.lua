-- Reads all holds in pages, for reconciliation: one that changes meanwhile may come twice.
--
-- KEYS
--   1 sale    HASH    guard, lifecycle, counters
--   2 holds   HASH    the hold
-- ARGV
--   1 epoch     integer
--   2 revision  integer
--   3 cursor    0 to begin
--   4 count     about so many
--
-- Returns {code, revision, now_ms, cursor, {id, hold, ...}}; cursor 0 = that was all.
-- Complexity: O(count).
-- flags: no-writes

-- include: guard

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, {})
if refusal then return refusal end
local page = redis.call('HSCAN', KEYS.holds, ARGV.cursor, 'COUNT', ARGV.count)
return answer(sale, CODE.OK, page[1], page[2])
