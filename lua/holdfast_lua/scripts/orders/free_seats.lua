-- A refund: puts units of an order back on sale, those that are still booked by it.
--
-- Atomic with that very check: a seat that was refunded before and sold to somebody else is not in this
-- order any more, so a repeat can never free it under its new owner. Units of an area have no names:
-- for them the version tells a repeat from a second refund.
--
-- KEYS
--   1 sale    HASH    guard, lifecycle, counters
--   2 events  STREAM  gains order.refunded
--   3 seats   STRING  one byte a seat
--   4 rows    STRING  one byte a row block
--   5 holds   HASH    the hold
--   6 buyers  HASH    units and hold ids by buyer
--   7 due     ZSET    deadlines
-- ARGV
--   1 epoch     integer
--   2 revision  integer
--   3 hold_id   text
--   4 seats     msgpack { seat, ... }
--   5 areas     msgpack { area, quantity, price, ... }, empty for none
--   6 amount    integer, minor units given back
--   7 version   of the hold that the caller has seen, 0 = any
--
-- Returns {code, revision, now_ms, hold}: OK; UNCHANGED when none of the units are the order's;
-- HOLD_STATE when it is not confirmed; HOLD_CHANGED; HOLD_UNKNOWN.
-- Complexity: O(seats of the rows touched).
-- Events: order.refunded {buyer, seats, areas, amount}, inventory.reopened.
-- flags: allow-oom

-- include: hold_end

local keys = stock_keys()
local sale, refusal = stock_open()
if refusal then return refusal end
local hold = hold_load(keys.holds, ARGV[3])
if not hold then return guard_refuse(sale, CODE.HOLD_UNKNOWN) end
if hold.status ~= CONFIRMED then
  local code = hold_ended(hold) and CODE.UNCHANGED or CODE.HOLD_STATE
  return guard_refuse(sale, code, hold_pack(hold))
end
local version = tonumber(ARGV[7])
if version ~= 0 and version ~= hold.version then
  return guard_refuse(sale, CODE.HOLD_CHANGED, hold_pack(hold))
end

local asked = {}
for _, seat in ipairs(cmsgpack.unpack(ARGV[4])) do asked[seat] = true end
local freed, seats, prices = {}, {}, {}
for at, seat in ipairs(hold.seats) do
  if asked[seat] then
    freed[#freed + 1] = seat
  else
    seats[#seats + 1], prices[#prices + 1] = seat, hold.prices[at]
  end
end
local wanted, left, given = {}, {}, {}
local list = ARGV[5] ~= '' and cmsgpack.unpack(ARGV[5]) or {}
for at = 1, #list, 3 do wanted[list[at]] = (wanted[list[at]] or 0) + list[at + 1] end
for at = 1, #hold.areas, 3 do
  local area, quantity, price = hold.areas[at], hold.areas[at + 1], hold.areas[at + 2]
  local back = math.min(quantity, wanted[area] or 0)
  wanted[area] = (wanted[area] or 0) - back
  for _, part in ipairs({ { given, back }, { left, quantity - back } }) do
    local target, count = part[1], part[2]
    if count > 0 then
      target[#target + 1], target[#target + 2], target[#target + 3] = area, count, price
    end
  end
end
local before = hold_units(hold)
hold.seats, hold.prices, hold.areas = seats, prices, left
local count = before - hold_units(hold)
if count == 0 then return guard_refuse(sale, CODE.UNCHANGED, hold_pack(hold)) end

local rows = rows_of(keys.seats, hold.rows)
local moved = rows_move(sale, keys.seats, keys.rows, rows, freed, { b = true }, 'f')
sale.free, sale.booked = sale.free + (moved.b or 0), sale.booked - (moved.b or 0)
stock_areas_move(sale, given, 'booked', 'free')
local gone = count == before
if gone then hold.status, hold.reason = RELEASED, 'refunded' end
buyer_remove(sale, keys.buyers, hold, count, gone, false)
hold_save(keys.holds, hold)
event_append(sale, keys.events, 'order.refunded', hold.id,
  { buyer = hold.buyer, seats = freed, areas = given, amount = tonumber(ARGV[6]) })
return stock_commit(sale, keys.events, CODE.OK, hold.value)
