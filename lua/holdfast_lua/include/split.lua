-- Rungs 3 and 4 of best available: a party in parts of two and more. See pick.lua.

-- include: pick

local SPLIT_ROWS_MAX = 32

-- The row bytes of the choice's kinds with a run of `least` to the cap.
local function pick_bytes(choice, levels, least)
  local bytes = {}
  for kind in string.gmatch(choice.kinds, '.') do
    for run = math.min(least, levels - 1), levels - 1 do
      bytes[#bytes + 1] = string.char(byte(kind) * levels + run)
    end
  end
  return table.concat(bytes)
end

-- Takes parts of two and more from runs, in order, until the quantity is met. What would leave one
-- person over takes one seat less; `shrink` lets the first longer part give one up for that.
local function split_parts(runs, quantity, shrink)
  local takes, left = {}, quantity
  for _, run in ipairs(runs) do
    local count = math.min(run.length, left)
    if left - count == 1 or (shrink and count > 2 and left > count) then
      shrink = false
      count = count - 1
    end
    if count >= 2 then
      takes[#takes + 1] = { row = run.row, first = run.first, last = run.last, count = count }
      left = left - count
      if left == 0 then return takes end
    end
  end
  return nil
end

local function split_try(runs, quantity)
  return split_parts(runs, quantity, false) or split_parts(runs, quantity, true)
end

-- Takes { row, start, count } in plan order, or nil.
local function split(house, choice)
  local wanted, places = pick_bytes(choice, house.levels, 2), choice.places
  local all, by_zone = {}, {}
  local at, takes = 1, nil
  for _ = 1, SPLIT_ROWS_MAX do
    at = pick_next(house, wanted, places, at)
    if not at then break end
    local row = house_row(house, places and places[at] or at)
    local runs = by_zone[row.zone] or {}
    by_zone[row.zone] = runs
    for first, after_last in string.gmatch(row.states, '()ff+()') do
      local run = { row = row, first = first, last = after_last - 1, length = after_last - first }
      runs[#runs + 1], all[#all + 1] = run, run
    end
    takes = split_try(runs, choice.quantity)
    if takes then break end
    at = at + 1
  end
  takes = takes or split_try(all, choice.quantity)
  if not takes then return nil end
  for _, take in ipairs(takes) do
    take.start = pick_start(take.first, take.last, take.count, take.row.focus2, false, true)
      or pick_start(take.first, take.last, take.count, take.row.focus2, true, true)
  end
  table.sort(takes, function(one, other)
    return one.row.first + one.start < other.row.first + other.start
  end)
  return takes
end
