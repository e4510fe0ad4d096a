-- The inventory's counters: how many units are free, held, booked, blocked, in all and by area.
--
--   local sale, refusal = open_inventory()
--   if refusal then return refusal end
--   ... validate, then change seats and sale.free, sale.held, ... together ...
--   return commit_inventory(sale, events_key, CODE.OK)
--
-- Counters are plain fields of `sale` until the commit, which writes those that differ, once. They
-- change with the seats in the same script, so that a recount always agrees.
--
-- What is allotted to a channel that the line does not serve is free or held like everything else,
-- and counted once more in `apart_free` and `apart_held`: nobody in line waits for it, and it does
-- not keep a sale from being sold out. The field `apart` names it (see areas.lua):
--
--   ' <class * levels> ... a<area> ... '
--
-- It is empty in nearly every sale, where the two counters are not even read.

-- include: guard
-- include: events

-- Opens the sale with the counters, or with the fields that are asked for.
local function open_inventory(fields)
  fields = fields or { 'free', 'held', 'next_due_ms', 'levels', 'lifecycle', 'booked', 'blocked' }
  fields[#fields + 1] = 'apart'
  local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, fields)
  if refusal then return nil, refusal end
  sale.before = { free = sale.free, held = sale.held, booked = sale.booked,
    blocked = sale.blocked, next_due_ms = sale.next_due_ms }
  if sale.apart ~= '' then
    local allotted = redis.call('HMGET', KEYS.sale, 'apart_free', 'apart_held')
    sale.apart_free, sale.apart_held = tonumber(allotted[1]) or 0, tonumber(allotted[2]) or 0
    sale.before.apart_free, sale.before.apart_held = sale.apart_free, sale.apart_held
  end
  return sale
end

-- Whether a buyer without a channel finds no unit free, and none held that could become free.
local function is_sold_out(units)
  return units.free + units.held <= (units.apart_free or 0) + (units.apart_held or 0)
end

-- Whether holds are past their deadline that no sweep has ended yet.
local function has_overdue(sale)
  return sale.next_due_ms > 0 and sale.next_due_ms <= sale.now_ms
end

-- Writes what changed and answers; appends the event when by this the sale is sold out, or has
-- reopened.
local function commit_inventory(sale, events_key, code, ...)
  local before = sale.before
  local sold_out = is_sold_out(sale)
  if sold_out ~= is_sold_out(before) then
    append_event(sale, events_key, sold_out and 'inventory.sold_out' or 'inventory.reopened',
      sale.name, { free = sale.free, held = sale.held })
  end
  for field, value in pairs(before) do
    if sale[field] ~= value then set_sale(sale, field, sale[field]) end
  end
  return commit_sale(sale, code, ...)
end
