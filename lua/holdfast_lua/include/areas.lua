-- Areas: units without a seat. Counters of area i are the fields `a<i>f` (free) and `a<i>h` (held) of
-- the sale hash, read when first needed and written by stock_commit; what is neither is booked.
-- Areas come as flat lists { area, quantity, price, ... }.

-- include: apart

local function stock_area_load(sale, area)
  local free_field, held_field = 'a' .. area .. 'f', 'a' .. area .. 'h'
  if not sale.before[free_field] then
    local stored = redis.call('HMGET', sale.key, free_field, held_field)
    sale[free_field], sale[held_field] = tonumber(stored[1]) or 0, tonumber(stored[2]) or 0
    sale.before[free_field], sale.before[held_field] = sale[free_field], sale[held_field]
  end
  return free_field, held_field
end

-- The areas of a flat list { area, quantity, price, ... } that have too few free units.
local function stock_areas_short(sale, areas)
  local short = {}
  for at = 1, #areas, 3 do
    local free_field = stock_area_load(sale, areas[at])
    if sale[free_field] < areas[at + 1] then short[#short + 1] = areas[at] end
  end
  return short
end

-- The areas of a flat list that are set aside for others than who has these `opened`.
local function stock_areas_barred(sale, areas, opened)
  local barred = {}
  if sale.apart == '' then return barred end
  for at = 1, #areas, 3 do
    if apart_barred(sale, opened, 'a' .. areas[at]) then barred[#barred + 1] = areas[at] end
  end
  return barred
end

-- Moves units of areas between 'free', 'held' and 'booked' (what is neither free nor held).
local function stock_areas_move(sale, areas, from, to)
  for at = 1, #areas, 3 do
    local free_field, held_field = stock_area_load(sale, areas[at])
    local quantity = areas[at + 1]
    local change = { free = 0, held = 0, booked = 0 }
    change[from], change[to] = change[from] - quantity, change[to] + quantity
    sale[free_field] = sale[free_field] + change.free
    sale[held_field] = sale[held_field] + change.held
    sale[from] = sale[from] - quantity
    sale[to] = sale[to] + quantity
    apart_move(sale, 'a' .. areas[at], from, to, quantity)
  end
end
