-- Reads the sale hash with the store's time.
--
-- One script instead of HMGET and TIME, so that what is derived from both (whether the sale is
-- open) is true of one moment. It also tells a caller that the store is behind before anything is
-- decided.
--
-- KEYS: sale
-- ARGV: epoch revision
--
-- Returns {code, revision, now_ms, lifecycle, settings_version, prequeue_ms, opens_ms, ends_ms, free,
-- held, booked, blocked, seq, apart, apart_free, apart_held}: OK; STORE_BEHIND, EPOCH_CHANGED.
-- Complexity: O(1). Events: none.
-- flags: no-writes

-- include: guard

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, { 'lifecycle', 'settings_version',
  'prequeue_ms', 'opens_ms', 'ends_ms', 'free', 'held', 'booked', 'blocked', 'apart',
  'apart_free', 'apart_held' })
if refusal then return refusal end
return answer(sale, CODE.OK, sale.lifecycle, sale.settings_version, sale.prequeue_ms,
  sale.opens_ms, sale.ends_ms, sale.free, sale.held, sale.booked, sale.blocked, sale.seq,
  sale.apart, sale.apart_free, sale.apart_held)
