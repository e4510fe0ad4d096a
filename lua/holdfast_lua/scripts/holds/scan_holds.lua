-- Reads all holds in pages, for reconciliation, or the open ones for operators: one that changes
-- meanwhile may come twice.
--
-- KEYS: sale holds
-- ARGV: epoch revision
--   cursor  0 to begin
--   count   about so many are looked at
--   open    1 = only those that have units which are not sold
--
-- Returns {code, revision, now_ms, HOLD_PAGE}; cursor 0 = that was all.
-- Complexity: O(count).
-- flags: no-writes

-- include: guard

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, {})
if refusal then return refusal end
local cursor, holds = unpack(redis.call('HSCAN', KEYS.holds, ARGV.cursor, 'COUNT', ARGV.count))
if ARGV.open ~= '1' then return answer(sale, CODE.OK, HOLD_PAGE.names) end
-- The status is the first item of the packed hold: one byte, right behind the head of the array.
local open, id, status_at = {}, nil, #HOLD.head + HOLD.status
for _, text in ipairs(holds) do
  if not id then
    id = text
  else
    if string.byte(text, status_at) <= STATUS.CONFIRMING then
      open[#open + 1] = id
      open[#open + 1] = text
    end
    id = nil
  end
end
return answer(sale, CODE.OK, HOLD_PAGE.of(cursor = cursor, holds = open))
