-- The stock's counters: how many units are free, held, booked, blocked, in all and by area.
--
--   local sale, refusal = stock_open()
--   if refusal then return refusal end
--   ... validate, then change seats and sale.free, sale.held, ... together ...
--   return stock_commit(sale, events_key, CODE.OK)
--
-- Counters are plain fields of `sale` until the commit, which writes those that differ, once. They
-- change with the seats in the same script, so that a recount always agrees.
--
-- What is set aside for a channel that the line does not serve is free or held like everything else,
-- and counted once more in `apart_free` and `apart_held`: nobody in line waits for it, and it does not
-- keep a sale from being sold out. `apart` names it, ' <class * levels> ... a<area> ... ' (see
-- include/apart.lua), and is empty in nearly every sale, where the two counters are not even read.

-- include: guard
-- include: events

-- Opens the sale with the counters, or with the fields that are asked for.
local function stock_open(fields)
  fields = fields or { 'free', 'held', 'next_due_ms', 'levels', 'lifecycle', 'booked', 'blocked' }
  fields[#fields + 1] = 'apart'
  local sale, refusal = guard_open(KEYS[1], ARGV[1], ARGV[2], fields)
  if refusal then return nil, refusal end
  sale.before = { free = sale.free, held = sale.held, booked = sale.booked,
    blocked = sale.blocked, next_due_ms = sale.next_due_ms }
  if sale.apart ~= '' then
    local apart = redis.call('HMGET', KEYS[1], 'apart_free', 'apart_held')
    sale.apart_free, sale.apart_held = tonumber(apart[1]) or 0, tonumber(apart[2]) or 0
    sale.before.apart_free, sale.before.apart_held = sale.apart_free, sale.apart_held
  end
  return sale
end

-- Whether nothing can be bought any more, and nothing will come back by itself, without a channel.
local function stock_gone(units)
  return units.free + units.held <= (units.apart_free or 0) + (units.apart_held or 0)
end

-- Whether holds are past their deadline that no sweep has ended yet.
local function stock_overdue(sale)
  return sale.next_due_ms > 0 and sale.next_due_ms <= sale.now_ms
end

-- Writes what changed and answers; tells when by this the sale is sold out, or has reopened.
local function stock_commit(sale, events_key, code, ...)
  local before = sale.before
  local sold_out = stock_gone(sale)
  if sold_out ~= stock_gone(before) then
    event_append(sale, events_key, sold_out and 'inventory.sold_out' or 'inventory.reopened',
      sale.name, { free = sale.free, held = sale.held })
  end
  for field, value in pairs(before) do
    if sale[field] ~= value then guard_set(sale, field, sale[field]) end
  end
  return guard_commit(sale, code, ...)
end
