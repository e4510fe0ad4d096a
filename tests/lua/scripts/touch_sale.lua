-- Test script: changes one field of the sale and appends an event, the smallest guarded change.
-- KEYS: sale events
-- ARGV: epoch revision
--   amount  integer, added to `free`; 0 changes nothing
-- Returns {code, revision, now_ms, free}: OK, UNCHANGED; guard codes.

-- include: guard
-- include: events

local sale, refusal = open_sale(KEYS[1], ARGV[1], ARGV[2], { 'free', 'lifecycle' })
if refusal then
  return refusal
end
local amount = tonumber(ARGV[3])
if amount == 0 then
  return refuse(sale, CODE.UNCHANGED, sale.free)
end
set_sale(sale, 'free', sale.free + amount)
append_event(sale, KEYS[2], 'inventory.reopened', 'touch', { free = sale.free })
return commit_sale(sale, CODE.OK, sale.free)
