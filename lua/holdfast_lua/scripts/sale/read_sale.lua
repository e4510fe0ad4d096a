-- Reads the sale hash with the store's time.
--
-- One script instead of HMGET and TIME, so that what is derived from both (whether the sale is
-- open) is true of one moment. It also tells a caller that the store is behind before anything is
-- decided.
--
-- KEYS: sale
-- ARGV: epoch revision
--
-- Returns {code, revision, now_ms, SALE_HEAD}: OK; STORE_BEHIND, EPOCH_CHANGED.
-- Complexity: O(1). Events: none.
-- flags: no-writes

-- include: guard

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, { SALE_HEAD.texts })
if refusal then return refusal end
return answer(sale, CODE.OK, SALE_HEAD.values(sale))
