-- Reads the holds and orders that count for a buyer's limit.
--
-- KEYS: sale holds buyers
-- ARGV: epoch revision
--   buyer  text
--
-- Returns {code, revision, now_ms, {HOLD_ENTRY...}}.
-- Complexity: O(holds of the buyer).
-- flags: no-writes

-- include: guard

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, {})
if refusal then return refusal end
local entry = redis.call('HGET', KEYS.buyers, ARGV.buyer) or ''
local found = {}
for id in string.gmatch(entry, ' ([^%s~]+)') do
  local hold = redis.call('HGET', KEYS.holds, id)
  if hold then
    local to = #found + 1
    HOLD_ENTRY.items(found, to) = id, hold
  end
end
return answer(sale, CODE.OK, found)
