-- Best available: the ladder by which free seats are picked.
--
--   1  side by side in one row block, leaving no single seat alone, in the block nearest to the
--      focal point; within it nearest to the middle
--   2  the same, a single seat may be left alone
--   3  parts of two and more, so that nobody sits alone, nearest first within one zone
--   4  the same across zones (3 and 4: split.lua)
--
-- A rung is a set of row bytes. A block whose longest run is just one seat more than asked for serves
-- in rung 2. Blocks of nearly equal distance follow each other; the seed chooses among those of a
-- tier, and between left and right of the middle.
--
-- Why bytes and not scores: finding the first byte of a value is one memchr over a few kilobytes,
-- whatever is sold, so a pick costs the same in an empty and in a full house.
--
-- A choice is { quantity, orphans, first_rung, kinds, prices, places, seed }: see SeatChoice.

-- include: house

local PICK_ROWS_MAX = 512

-- The first position from `from` on whose byte is one of `among`; and those of them that occur there.
local function pick_find(bytes, among, from)
  local nearest, found = nil, ''
  for at = 1, #among do
    local one = sub(among, at, at)
    local position = find(bytes, one, from, true)
    if position then
      found = found .. one
      if not nearest or position < nearest then nearest = position end
    end
  end
  return nearest, found
end

-- The first position whose byte is wanted, remembered in the house for those who want the same.
local function pick_first(house, wanted)
  local search, bytes = house.searches[wanted], house.bytes
  if not search then
    search = { from = 1, among = wanted }
    house.searches[wanted] = search
  end
  local from = search.from
  if from > #bytes then return nil end
  if find(wanted, sub(bytes, from, from), 1, true) then return from end
  local nearest, found = pick_find(bytes, search.among, from)
  search.from, search.among = nearest or #bytes + 1, found
  return nearest
end

-- Where the search goes on: the first place from `from` whose byte is wanted. `places` are the
-- positions that a zone filter leaves, nearest first, nil for all.
local function pick_next(house, wanted, places, from)
  if places then
    for at = from, #places do
      if find(wanted, sub(house.bytes, places[at], places[at]), 1, true) then return at end
    end
    return nil
  end
  if from == 1 then return pick_first(house, wanted) end
  return (pick_find(house.bytes, wanted, from))
end

-- The row block at a position; or, by the seed, another one of its tier that is wanted as well.
local function pick_row(house, position, wanted, seed)
  local near = house_near(house, position)
  local other = near > 0 and position + seed % (near + 1) or position
  if other > position and find(wanted, sub(house.bytes, other, other), 1, true) then
    return house_row(house, other)
  end
  return house_row(house, position)
end

-- The start within the free run first..last nearest to the middle; without `orphans` one that
-- leaves no single seat, nil when there is none. One step to the side always does when anything
-- does: what is wrong with a start is one seat left on one of its sides.
local function pick_start(first, last, quantity, focus2, orphans, leftward)
  local highest = last - quantity + 1
  local twice = focus2 - quantity + 1
  local start = (twice - (leftward and twice % 2 or -(twice % 2))) / 2
  if start < first then start = first elseif start > highest then start = highest end
  if orphans or (start - first ~= 1 and highest - start ~= 1) then return start end
  local left, right = start - 1, start + 1
  if left < first or left - first == 1 or highest - left == 1 then left = nil end
  if right > highest or right - first == 1 or highest - right == 1 then right = nil end
  if left and right then
    local further = math.abs(2 * left - twice) - math.abs(2 * right - twice)
    return (further < 0 or (further == 0 and leftward)) and left or right
  end
  return left or right
end

-- The best start in a row block for so many seats side by side, nil when it cannot serve.
local function pick_in_row(row, quantity, orphans, leftward)
  local states, focus2 = row.states, row.focus2
  local best, best_cost
  local from = 1
  while true do
    local first, last = find(states, 'f+', from)
    if not first then return best end
    if last - first + 1 >= quantity then
      local start = pick_start(first, last, quantity, focus2, orphans, leftward)
      if start then
        local cost = 2 * start + quantity - 1 - focus2
        if cost < 0 then cost = -cost end
        if not best or cost < best_cost or (cost == best_cost and not leftward) then
          best, best_cost = start, cost
        end
      end
    end
    from = last + 2
  end
end

-- Rungs 1 and 2: the row and the start in it, or nil.
local function pick_together(house, choice, wanted, orphans)
  local places, seed = choice.places, choice.seed
  local leftward = seed % 16 < 8
  local at = 1
  for _ = 1, PICK_ROWS_MAX do
    at = pick_next(house, wanted, places, at)
    if not at then return nil end
    local position = places and places[at] or at
    local row = places and house_row(house, position) or pick_row(house, position, wanted, seed)
    local start = pick_in_row(row, choice.quantity, orphans, leftward)
    if not start and row.position ~= position then
      row = house_row(house, position)
      start = pick_in_row(row, choice.quantity, orphans, leftward)
    end
    if start then return row, start end
    at = at + 1
  end
  return nil
end
