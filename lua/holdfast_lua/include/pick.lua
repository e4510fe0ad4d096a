-- Best available: the ladder by which free seats are picked.
--
--   1  side by side in one row block, leaving no single seat alone, in the block nearest to the
--      focal point; within it nearest to the middle
--   2  the same, a single seat may be left alone
--   3  parts of two and more, so that nobody sits alone, nearest first within one zone
--   4  the same across zones
--
-- Rungs are sets of row bytes compiled by the caller (SeatChoice). A block whose longest run is just
-- one seat more than asked for serves in rung 2. Blocks of nearly equal distance follow each other;
-- the seed chooses among those of a tier, and between left and right of the middle.
--
-- Why bytes and not scores: finding the first byte of a value is one memchr over a few kilobytes,
-- whatever is sold, so a pick costs the same in an empty and in a full house.

-- include: sweep

local PICK_ROWS_MAX = 512
local SPLIT_ROWS_MAX = 32
local RECORD_BYTES = 13
local RECORDS_READ = 8

-- Where the search goes on: the first place from `from` whose byte is wanted. `places` are the
-- positions that a zone filter leaves, nearest first, nil for all.
local function pick_next(row_bytes, wanted, places, from)
  if places then
    for at = from, #places do
      local byte = string.sub(row_bytes, places[at], places[at])
      if string.find(wanted, byte, 1, true) then return at end
    end
    return nil
  end
  local nearest
  for at = 1, #wanted do
    local position = string.find(row_bytes, string.sub(wanted, at, at), from, true)
    if position == from then return from end
    if position and (not nearest or position < nearest) then nearest = position end
  end
  return nearest
end

-- The row block at a position, with its bytes of `seats`; or, by the seed, another one of its tier
-- that is wanted as well.
local function pick_row(sale, keys, choice, row_bytes, wanted, position, spread)
  local records = redis.call('GETRANGE', keys.layout, (position - 1) * RECORD_BYTES,
    (position - 1 + (spread and RECORDS_READ or 1)) * RECORD_BYTES - 1)
  local first, length, focus2, zone, near = struct.unpack('>I4I2I4I2B', records)
  if spread and near > 0 then
    local step = choice.seed % (near + 1)
    local byte = string.sub(row_bytes, position + step, position + step)
    if step > 0 and string.find(wanted, byte, 1, true) then
      position = position + step
      first, length, focus2, zone = struct.unpack('>I4I2I4I2', records, step * RECORD_BYTES + 1)
    end
  end
  local byte = string.byte(row_bytes, position)
  return row_read(keys.seats, { position = position, first = first, length = length,
    focus2 = focus2, zone = zone, base = byte - byte % sale.levels })
end

-- Whether nobody is left alone on either side of a party that starts at `at`.
local function pick_tidy(at, first, highest)
  return at >= first and at <= highest and at - first ~= 1 and highest - at ~= 1
end

-- The start within the free run first..last nearest to the middle; without `orphans` one that
-- leaves no single seat, nil when there is none. One step to the side always does when anything
-- does: what is wrong with a start is one seat left on one of its sides.
local function pick_start(first, last, quantity, focus2, orphans, leftward)
  local highest = last - quantity + 1
  local ideal = (focus2 - quantity + 1) / 2
  local start = leftward and math.ceil(ideal - 0.5) or math.floor(ideal + 0.5)
  start = math.max(first, math.min(highest, start))
  if orphans or pick_tidy(start, first, highest) then return start end
  local left = pick_tidy(start - 1, first, highest) and start - 1
  local right = pick_tidy(start + 1, first, highest) and start + 1
  if left and right then
    local further = math.abs(left - ideal) - math.abs(right - ideal)
    return (further < 0 or (further == 0 and leftward)) and left or right
  end
  return left or right or nil
end

-- The best start in a row block for so many seats side by side, nil when it cannot serve.
local function pick_in_row(row, quantity, orphans, leftward)
  local best, best_cost
  local from = 1
  while true do
    local first, last = string.find(row.states, 'f+', from)
    if not first then return best end
    if last - first + 1 >= quantity then
      local start = pick_start(first, last, quantity, row.focus2, orphans, leftward)
      local cost = start and math.abs(2 * start + quantity - 1 - row.focus2)
      if cost and (not best or cost < best_cost or (cost == best_cost and not leftward)) then
        best, best_cost = start, cost
      end
    end
    from = last + 2
  end
end

-- Rungs 1 and 2: one take, or nil.
local function pick_together(sale, keys, choice, row_bytes, wanted, orphans)
  local leftward = math.floor(choice.seed / 8) % 2 == 0
  local at = 1
  for _ = 1, PICK_ROWS_MAX do
    at = pick_next(row_bytes, wanted, choice.places, at)
    if not at then return nil end
    local position = choice.places and choice.places[at] or at
    for attempt = 1, choice.places and 1 or 2 do
      local row = pick_row(sale, keys, choice, row_bytes, wanted, position, attempt == 1
        and not choice.places)
      local start = pick_in_row(row, choice.quantity, orphans, leftward)
      if start then return { { row = row, start = start, count = choice.quantity } } end
      if row.position == position then break end
    end
    at = at + 1
  end
  return nil
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

-- Rungs 3 and 4: takes in several runs, or nil.
local function pick_split(sale, keys, choice, row_bytes)
  local all, by_zone = {}, {}
  local at, takes = 1, nil
  for _ = 1, SPLIT_ROWS_MAX do
    at = pick_next(row_bytes, choice.split_rung, choice.places, at)
    if not at then break end
    local position = choice.places and choice.places[at] or at
    local row = pick_row(sale, keys, choice, row_bytes, choice.split_rung, position, false)
    local runs = by_zone[row.zone] or {}
    by_zone[row.zone] = runs
    for first, last in string.gmatch(row.states, '()ff+()') do
      local run = { row = row, first = first, last = last - 1, length = last - first }
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

-- Seats for a choice: a list of takes { row, start, count }, or nil and the code that says why not.
local function pick(sale, keys, choice)
  local row_bytes = redis.call('GET', keys.rows) or ''
  local takes = pick_together(sale, keys, choice, row_bytes, choice.first_rung, choice.orphans)
    or pick_together(sale, keys, choice, row_bytes, choice.second_rung, true)
  -- A party is not split while holds that are overdue may still have a row for it.
  if not takes and sweep_overdue(sale) then return nil, CODE.SWEEP_AGAIN end
  if not takes and choice.quantity > 3 then takes = pick_split(sale, keys, choice, row_bytes) end
  if takes then return takes end
  if pick_next(row_bytes, choice.any_free, choice.places, 1) then
    return nil, CODE.NOT_ENOUGH_TOGETHER
  end
  return nil, CODE.SOLD_OUT
end

-- A choice from the fields of SeatChoice, in its order.
local function pick_choice(seed, quantity, orphans, first, second, split, any_free, prices, places)
  return { seed = seed, quantity = tonumber(quantity), orphans = tonumber(orphans) == 1,
    first_rung = first, second_rung = second, split_rung = split, any_free = any_free,
    prices = cmsgpack.unpack(prices),
    places = places ~= '' and cmsgpack.unpack(places) or nil }
end

-- Marks the takes as held in their rows and adds their seats and prices to the hold. A row comes
-- once in `hold.rows` however many takes it has; seats end up in plan order.
local function pick_take(sale, hold, takes, prices, touched)
  for _, take in ipairs(takes) do
    local row = take.row
    row_mark(row, take.start, take.count, 'h')
    local price = prices[row.base / sale.levels + 1]
    for offset = take.start, take.start + take.count - 1 do
      hold.seats[#hold.seats + 1] = row.first + offset - 1
      hold.prices[#hold.prices + 1] = price
      hold.total = hold.total + price
    end
    if not row.touched then
      row.touched = true
      touched[#touched + 1] = row
    end
  end
end
