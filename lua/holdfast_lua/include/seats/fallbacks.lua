-- The rungs of best available after the first, see pick.lua: a single seat left alone, or a party
-- in parts of two and more.

-- include: prelude
-- include: pick
-- include: inventory

local SPLIT_ROWS_MAX = 32

-- The row bytes of the choice's kinds with a run of `least` to the cap.
local function get_row_bytes(choice, levels, least)
  local bytes = {}
  for kind in string.gmatch(choice.kinds, '.') do
    for run = math.min(least, levels - 1), levels - 1 do
      bytes[#bytes + 1] = char(byte(kind) * levels + run)
    end
  end
  return table.concat(bytes)
end

-- Takes parts of two and more from runs, in order, until the quantity is met. What would leave one
-- person over takes one seat less; `shrink` lets the first longer part give one up for that.
local function split_party(runs, quantity, shrink)
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

local function try_split(runs, quantity)
  return split_party(runs, quantity, false) or split_party(runs, quantity, true)
end

-- Takes { row, start, count } in plan order, or nil.
local function pick_split(cache, choice)
  local wanted, places = get_row_bytes(choice, cache.levels, 2), choice.places
  local all, by_zone = {}, {}
  local at, takes = 1, nil
  for _ = 1, SPLIT_ROWS_MAX do
    at = find_next(cache, wanted, places, at)
    if not at then break end
    local row = get_row(cache, places and places[at] or at)
    local runs = by_zone[row.zone] or {}
    by_zone[row.zone] = runs
    for first, after_last in string.gmatch(row.states, '()' .. SEAT.FREE .. SEAT.FREE .. '+()') do
      local run = { row = row, first = first, last = after_last - 1, length = after_last - first }
      runs[#runs + 1], all[#all + 1] = run, run
    end
    takes = try_split(runs, choice.quantity)
    if takes then break end
    at = at + 1
  end
  takes = takes or try_split(all, choice.quantity)
  if not takes then return nil end
  for _, take in ipairs(takes) do
    take.start = choose_start(take.first, take.last, take.count, take.row.focus2, false, true)
      or choose_start(take.first, take.last, take.count, take.row.focus2, true, true)
  end
  table.sort(takes, function(one, other)
    return one.row.first + one.start < other.row.first + other.start
  end)
  return takes
end

-- Picks for a choice that the first rung could not serve; nil, or the code of the refusal.
local function pick_fallback(sale, cache, choice, hold)
  local levels, quantity = cache.levels, choice.quantity
  local row, start = pick_together(cache, choice, get_row_bytes(choice, levels, quantity), true)
  if row then return take_seats(cache, hold, choice.prices, row, start, quantity) end
  -- A party is not split while overdue holds are left, whose seats could serve it side by side.
  if has_overdue(sale) then return CODE.SWEEP_AGAIN end
  local takes = quantity > 3 and pick_split(cache, choice)
  if takes then
    for _, take in ipairs(takes) do
      take_seats(cache, hold, choice.prices, take.row, take.start, take.count)
    end
    return nil
  end
  local any = find_next(cache, get_row_bytes(choice, levels, 1), choice.places, 1)
  return any and CODE.NOT_ENOUGH_TOGETHER or CODE.SOLD_OUT
end
