-- Reads the sale's clock: what every script of the sale would call "now".
--
-- Python asks this instead of its own clock wherever a moment is compared with a stored deadline.
-- KEYS: sale
-- ARGV: epoch revision
-- flags: no-writes
-- Returns {code, revision, now_ms}: OK; STORE_BEHIND, EPOCH_CHANGED.
-- Complexity: O(1). Events: none.

-- include: guard

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, {})
if refusal then
  return refusal
end
return answer(sale, CODE.OK)
