-- Reads the holds and orders that count for a buyer's limit.
--
-- KEYS: sale holds buyers
-- ARGV: epoch revision
--   buyer  text
--
-- Returns {code, revision, now_ms, {id, hold, id, hold, ...}}.
-- Complexity: O(holds of the buyer).
-- flags: no-writes

-- include: guard

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, {})
if refusal then return refusal end
local entry = redis.call('HGET', KEYS.buyers, ARGV.buyer) or ''
local found = {}
for id in string.gmatch(entry, ' ([^%s~]+)') do
  local value = redis.call('HGET', KEYS.holds, id)
  if value then
    found[#found + 1] = id
    found[#found + 1] = value
  end
end
return answer(sale, CODE.OK, found)
