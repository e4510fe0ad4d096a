-- The stock's counters: how many units are free, held, booked, blocked, in all and by area.
--
--   local sale, refusal = stock_open()
--   if refusal then return refusal end
--   ... validate, then change seats and sale.free, sale.held, ... together ...
--   return stock_commit(sale, events_key, CODE.OK)
--
-- Counters are plain fields of `sale` until the commit, which writes those that differ, once. They
-- change with the seats in the same script, so that a recount always agrees.

-- include: guard
-- include: events

-- Opens the sale with the counters, or with the fields that are asked for.
local function stock_open(fields)
  local sale, refusal = guard_open(KEYS[1], ARGV[1], ARGV[2],
    fields or { 'free', 'held', 'next_due_ms', 'levels', 'lifecycle', 'booked', 'blocked' })
  if refusal then return nil, refusal end
  sale.before = { free = sale.free, held = sale.held, booked = sale.booked,
    blocked = sale.blocked, next_due_ms = sale.next_due_ms }
  return sale
end

-- Whether holds are past their deadline that no sweep has ended yet.
local function stock_overdue(sale)
  return sale.next_due_ms > 0 and sale.next_due_ms <= sale.now_ms
end

-- Writes what changed and answers; tells when by this nothing can be bought any more and nothing
-- will come back by itself, or when the sale has reopened.
local function stock_commit(sale, events_key, code, ...)
  local before = sale.before
  local sold_out = sale.free + sale.held <= 0
  if sold_out ~= (before.free + before.held <= 0) then
    event_append(sale, events_key, sold_out and 'inventory.sold_out' or 'inventory.reopened',
      sale.name, { free = sale.free, held = sale.held })
  end
  for field, value in pairs(before) do
    if sale[field] ~= value then guard_set(sale, field, sale[field]) end
  end
  return guard_commit(sale, code, ...)
end
