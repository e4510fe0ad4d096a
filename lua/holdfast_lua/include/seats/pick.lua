-- Best available: the rungs by which free seats are picked, one after another.
--
--   1  side by side in one row segment, leaving no single seat alone, in the one nearest to the
--      focal point; within it nearest to the middle
--   2  the same, a single seat may be left alone
--   3  parts of two and more, so that nobody sits alone, nearest first within one zone
--   4  the same across zones (2 to 4: fallbacks.lua)
--
-- A rung is a set of row bytes. A segment whose longest run is just one seat more than asked for
-- serves in rung 2. Segments of nearly equal distance follow each other; the seed chooses among
-- those of a tier, and between left and right of the middle.
--
-- Why bytes and not scores: finding the first byte of a value is one memchr over a few kilobytes,
-- whatever is sold, so a pick costs the same whether few or nearly all seats are free.
--
-- A choice has the fields of CHOICE, see SeatChoice in calls/hold_terms.py, and `seed`.

-- include: prelude
-- include: row_cache

local PICK_ROWS_MAX = 512

-- The first position from `from` on whose byte has not changed and is `one`.
local function find_unchanged(cache, one, from)
  local bytes, changed = cache.bytes, cache.changed
  local position = find(bytes, one, from, true)
  while position and changed[position] do position = find(bytes, one, position + 1, true) end
  return position
end

-- The first position from `from` on whose byte is one of `among`; and those of them that occur
-- there.
local function find_nearest_byte(cache, among, from)
  local nearest, found = nil, ''
  for at = 1, #among do
    local one = sub(among, at, at)
    local position = find_unchanged(cache, one, from)
    if position then
      found = found .. one
      if not nearest or position < nearest then nearest = position end
    end
  end
  for position, one in pairs(cache.partial) do
    if position >= from and find(among, one, 1, true) then
      if not find(found, one, 1, true) then found = found .. one end
      if not nearest or position < nearest then nearest = position end
    end
  end
  return nearest, found
end

-- The first position whose byte is wanted; the cache keeps it for the same search of other holds.
local function find_first(cache, wanted)
  local search = cache.searches[wanted]
  if not search then
    search = { from = 1, among = wanted }
    cache.searches[wanted] = search
  end
  local from = search.from
  if from > #cache.bytes then return nil end
  if find(wanted, get_row_byte(cache, from), 1, true) then return from end
  local nearest, found = find_nearest_byte(cache, search.among, from)
  search.from, search.among = nearest or #cache.bytes + 1, found
  return nearest
end

-- Where the search goes on: the first place from `from` whose byte is wanted. `places` are the
-- positions that a zone filter leaves, nearest first, nil for all.
local function find_next(cache, wanted, places, from)
  if places then
    for at = from, #places do
      if find(wanted, get_row_byte(cache, places[at]), 1, true) then return at end
    end
    return nil
  end
  if from == 1 then return find_first(cache, wanted) end
  return (find_nearest_byte(cache, wanted, from))
end

-- The row segment at a position; or, by the seed, another one of its tier that is wanted as well.
local function choose_row(cache, position, wanted, seed)
  local near = get_near(cache, position)
  local other = near > 0 and position + seed % (near + 1) or position
  if other > position and find(wanted, get_row_byte(cache, other), 1, true) then
    return get_row(cache, other)
  end
  return get_row(cache, position)
end

-- The start within the free run first..last nearest to the middle; without `orphans` one that
-- leaves no single seat, nil when there is none. Only the next start on either side is tried:
-- a start is wrong by one seat left on one of its sides.
local function choose_start(first, last, quantity, focus2, orphans, leftward)
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

-- The best start in a row segment for so many seats side by side, nil when it cannot serve.
local function pick_in_row(row, quantity, orphans, leftward)
  local states, focus2 = row.states, row.focus2
  local free, from = SEAT.FREE .. '+', 1
  local best, best_cost
  while true do
    local first, last = find(states, free, from)
    if not first then return best end
    if last - first + 1 >= quantity then
      local start = choose_start(first, last, quantity, focus2, orphans, leftward)
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
local function pick_together(cache, choice, wanted, orphans)
  local places, seed = choice.places, choice.seed
  local leftward = seed % 16 < 8
  local at = 1
  for _ = 1, PICK_ROWS_MAX do
    at = find_next(cache, wanted, places, at)
    if not at then return nil end
    local position = places and places[at] or at
    local row = places and get_row(cache, position) or choose_row(cache, position, wanted, seed)
    local start = pick_in_row(row, choice.quantity, orphans, leftward)
    if not start and row.position ~= position then
      row = get_row(cache, position)
      start = pick_in_row(row, choice.quantity, orphans, leftward)
    end
    if start then return row, start end
    at = at + 1
  end
  return nil
end

-- Remembers in the hold that it has seats of this row; once, though it may take from it twice.
local function note_row(hold, row)
  local rows = hold.rows
  local at = #rows + 1
  if at > 1 and rows[at - SEGMENT.count] == row.position then return end
  SEGMENT.items(rows, at) = SEGMENT.values(row)
end

-- Marks a take as held in its row and adds its seats and prices to the hold.
local function take_seats(cache, hold, prices, row, start, count)
  put_row(cache, row, mark_seats(row.states, start, count, SEAT.HELD), count)
  note_row(hold, row)
  local seats, seat_prices = hold.seats, hold.prices
  local price = prices[row.base / cache.levels + 1]
  local last = row.first + start - 2
  for offset = 1, count do
    seats[#seats + 1] = last + offset
    seat_prices[#seat_prices + 1] = price
  end
  hold.total = hold.total + count * price
end

-- Takes the seats of the first rung, which serves nearly everybody; answers whether it did.
local function pick_first_rung(cache, choice, hold)
  local row, start = pick_together(cache, choice, choice.first_rung, choice.orphans)
  if row then take_seats(cache, hold, choice.prices, row, start, choice.quantity) end
  return row ~= nil
end
