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
local open, status_at = {}, #HOLD.head + HOLD.status
for at = 1, #holds, HOLD_ENTRY.count do
  local HOLD_ENTRY.names = HOLD_ENTRY.items(holds, at)
  if string.byte(hold, status_at) <= STATUS.CONFIRMING then
    local to = #open + 1
    HOLD_ENTRY.items(open, to) = id, hold
  end
end
return answer(sale, CODE.OK, HOLD_PAGE.of(cursor = cursor, holds = open))
