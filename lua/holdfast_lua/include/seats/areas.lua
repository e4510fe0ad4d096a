-- Areas, and what is allotted: units that are counted in the sale hash.
--
-- Areas are units without a seat. Counters of area i are the fields `a<i>f` (free) and `a<i>h`
-- (held) of the sale hash, read when first needed and written by commit_inventory; what is neither
-- is booked. Areas come as flat lists { area, quantity, price, ... }.
--
-- What is allotted to a channel that the line does not serve is in `apart_free` and `apart_held` as
-- well, see inventory.lua; whoever moves units keeps those true.

-- include: inventory

local ALLOTTED = { [SEAT.FREE] = 'apart_free', free = 'apart_free',
  [SEAT.HELD] = 'apart_held', held = 'apart_held' }

-- Whether a class (class * levels) or an area ('a<area>') is allotted.
local function is_allotted(sale, what)
  return string.find(sale.apart, ' ' .. what .. ' ', 1, true) ~= nil
end

-- Whether a class or an area is allotted and not among those `opened` to a buyer. A caller
-- who passes no `opened` gets none of it.
local function is_barred(sale, opened, what)
  return is_allotted(sale, what) and not string.find(opened, ' ' .. what .. ' ', 1, true)
end

-- `count` units of a class or of an area (`what`) go from one state to another, by letter or name.
local function move_allotted(sale, what, from, to, count)
  if sale.apart == '' or not is_allotted(sale, what) then return end
  local left, gained = ALLOTTED[from], ALLOTTED[to]
  if left then sale[left] = sale[left] - count end
  if gained then sale[gained] = sale[gained] + count end
end

local function load_area(sale, area)
  local free_field, held_field = 'a' .. area .. SEAT.FREE, 'a' .. area .. SEAT.HELD
  if not sale.before[free_field] then
    local stored = redis.call('HMGET', sale.key, free_field, held_field)
    sale[free_field], sale[held_field] = tonumber(stored[1]) or 0, tonumber(stored[2]) or 0
    sale.before[free_field], sale.before[held_field] = sale[free_field], sale[held_field]
  end
  return free_field, held_field
end

-- The areas of a list that have too few free units.
local function find_short_areas(sale, areas)
  local short = {}
  for at = 1, #areas, AREA.count do
    local area = AREA.area(areas, at)
    local free_field = load_area(sale, area)
    if sale[free_field] < AREA.quantity(areas, at) then short[#short + 1] = area end
  end
  return short
end

-- The areas of a list that are allotted and not among those `opened` to the buyer.
local function find_barred_areas(sale, areas, opened)
  local barred = {}
  if sale.apart == '' then return barred end
  for at = 1, #areas, AREA.count do
    local area = AREA.area(areas, at)
    if is_barred(sale, opened, 'a' .. area) then barred[#barred + 1] = area end
  end
  return barred
end

-- Moves units of areas between 'free', 'held' and 'booked' (what is neither free nor held).
local function move_areas(sale, areas, from, to)
  for at = 1, #areas, AREA.count do
    local area, quantity = AREA.area(areas, at), AREA.quantity(areas, at)
    local free_field, held_field = load_area(sale, area)
    local change = { free = 0, held = 0, booked = 0 }
    change[from], change[to] = change[from] - quantity, change[to] + quantity
    sale[free_field] = sale[free_field] + change.free
    sale[held_field] = sale[held_field] + change.held
    sale[from] = sale[from] - quantity
    sale[to] = sale[to] + quantity
    move_allotted(sale, 'a' .. area, from, to, quantity)
  end
end
