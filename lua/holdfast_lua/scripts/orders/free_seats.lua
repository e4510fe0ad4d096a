-- Puts the refunded units of an order back on sale, those that are still booked by it.
--
-- Atomic with that very check: a seat that was refunded before and sold to somebody else is not in
-- this order any more, so a repeat can never free it under its new owner. Units of an area have no
-- names: for them the version tells a repeat from a second refund.
--
-- KEYS: sale events seats rows holds buyers due
-- ARGV: epoch revision
--   hold_id  text
--   seats    msgpack { seat, ... }
--   areas    msgpack list of AREA, empty for none
--   amount   integer, minor units given back
--   version  of the hold that the caller has seen, 0 = any
--
-- Returns {code, revision, now_ms, hold}: OK; UNCHANGED when none of the units are the order's;
-- HOLD_STATE when it is not confirmed; HOLD_CHANGED; HOLD_UNKNOWN.
-- Complexity: O(seats of the rows touched).
-- Events: order.refunded {buyer, seats, areas, amount}, inventory.reopened.
-- flags: allow-oom

-- include: end_hold

local keys = { KEYS.members }
local sale, refusal = open_inventory()
if refusal then return refusal end
local hold = load_hold(keys.holds, ARGV.hold_id)
if not hold then return refuse(sale, CODE.HOLD_UNKNOWN) end
if hold.status ~= STATUS.CONFIRMED then
  local code = is_ended(hold) and CODE.UNCHANGED or CODE.HOLD_STATE
  return refuse(sale, code, pack_hold(hold))
end
local version = tonumber(ARGV.version)
if version ~= 0 and version ~= hold.version then
  return refuse(sale, CODE.HOLD_CHANGED, pack_hold(hold))
end

local named = {}
for _, seat in ipairs(cmsgpack.unpack(ARGV.seats)) do named[seat] = true end
local freed, seats, prices = {}, {}, {}
for at, seat in ipairs(hold.seats) do
  if named[seat] then
    freed[#freed + 1] = seat
  else
    seats[#seats + 1], prices[#prices + 1] = seat, hold.prices[at]
  end
end
local wanted, left, given = {}, {}, {}
local list = ARGV.areas ~= '' and cmsgpack.unpack(ARGV.areas) or {}
for at = 1, #list, AREA.count do
  local area = AREA.area(list, at)
  wanted[area] = (wanted[area] or 0) + AREA.quantity(list, at)
end
local function append_units(target, area, count, price)
  local to = #target + 1
  if count > 0 then AREA.items(target, to) = area, count, price end
end
local had = hold.areas
for at = 1, #had, AREA.count do
  local AREA.names = AREA.items(had, at)
  local back = math.min(quantity, wanted[area] or 0)
  wanted[area] = (wanted[area] or 0) - back
  append_units(given, area, back, price)
  append_units(left, area, quantity - back, price)
end
local before = count_units(hold)
hold.seats, hold.prices, hold.areas = seats, prices, left
local count = before - count_units(hold)
if count == 0 then return refuse(sale, CODE.UNCHANGED, pack_hold(hold)) end

local rows = read_rows(keys.seats, hold.rows)
local moved = move_seats(sale, keys.seats, keys.rows, rows, freed,
  { [SEAT.BOOKED] = true }, SEAT.FREE)
local unbooked = moved[SEAT.BOOKED] or 0
sale.free, sale.booked = sale.free + unbooked, sale.booked - unbooked
move_areas(sale, given, 'booked', 'free')
local gone = count == before
if gone then hold.status, hold.reason = STATUS.RELEASED, 'refunded' end
remove_buyer_units(sale, keys.buyers, hold, count, gone, false)
save_hold(keys.holds, hold)
append_event(sale, keys.events, 'order.refunded', hold.id,
  { buyer = hold.buyer, seats = freed, areas = given, amount = tonumber(ARGV.amount) })
return commit_inventory(sale, keys.events, CODE.OK, hold.value)
