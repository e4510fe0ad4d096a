-- What is set aside and moves: keeps `apart_free` and `apart_held` true, see include/stock.lua.

-- include: stock

local APART = { f = 'apart_free', free = 'apart_free', h = 'apart_held', held = 'apart_held' }

local function apart_named(sale, what)
  return string.find(sale.apart, ' ' .. what .. ' ', 1, true) ~= nil
end

-- Whether a class or an area is counted apart and not among those `opened` to a buyer. Who says
-- nothing gets none of it: whatever a caller has forgotten to ask, it is not given away here.
local function apart_barred(sale, opened, what)
  return apart_named(sale, what) and not string.find(opened, ' ' .. what .. ' ', 1, true)
end

-- `count` units of a class or of an area (`what`) go from one state to another, by letter or name.
local function apart_move(sale, what, from, to, count)
  if sale.apart == '' or not apart_named(sale, what) then return end
  local left, gained = APART[from], APART[to]
  if left then sale[left] = sale[left] - count end
  if gained then sale[gained] = sale[gained] + count end
end
