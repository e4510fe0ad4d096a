-- Reads one hold. Guarded, so that a store that lost it is not taken for one that never had it.
--
-- KEYS: sale holds
-- ARGV: epoch revision
--   hold_id  text
--
-- Returns {code, revision, now_ms, hold}: OK or HOLD_UNKNOWN. The deadline is left to the caller.
-- Complexity: O(1).
-- flags: no-writes

-- include: guard

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, {})
if refusal then return refusal end
local value = redis.call('HGET', KEYS.holds, ARGV.hold_id)
if not value then return refuse(sale, CODE.HOLD_UNKNOWN) end
return answer(sale, CODE.OK, value)
