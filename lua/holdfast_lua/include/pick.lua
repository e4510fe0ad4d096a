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
-- whatever is sold, so a pick costs the same in an empty and in a full house. Why the functions of
-- the string library are locals: this is the script that is run most.
--
-- A choice is { quantity, orphans, first_rung, kinds, prices, places, seed }: see SeatChoice.

-- include: rows

local PICK_ROWS_MAX = 512
local RECORD, RECORD_BYTES, RECORDS_READ = '>I4I2I4I2B', 13, 8

local find, sub, byte, unpack_record = string.find, string.sub, string.byte, struct.unpack

-- Where the search goes on: the first place from `from` whose byte is wanted. `places` are the
-- positions that a zone filter leaves, nearest first, nil for all.
local function pick_next(row_bytes, wanted, places, from)
  if places then
    for at = from, #places do
      if find(wanted, sub(row_bytes, places[at], places[at]), 1, true) then return at end
    end
    return nil
  end
  local nearest
  for at = 1, #wanted do
    local position = find(row_bytes, sub(wanted, at, at), from, true)
    if position == from then return from end
    if position and (not nearest or position < nearest) then nearest = position end
  end
  return nearest
end

-- The row block at a position, with its bytes of `seats`; or, by the seed, another one of its tier
-- that is wanted as well.
local function pick_row(keys, levels, row_bytes, position, wanted, seed)
  local first_byte = (position - 1) * RECORD_BYTES
  local records = redis.call('GETRANGE', keys.layout, first_byte,
    first_byte + (wanted and RECORDS_READ or 1) * RECORD_BYTES - 1)
  local first, length, focus2, zone, near = unpack_record(RECORD, records)
  local step = wanted and near > 0 and seed % (near + 1) or 0
  if step > 0
    and find(wanted, sub(row_bytes, position + step, position + step), 1, true) then
    position = position + step
    first, length, focus2, zone = unpack_record(RECORD, records, step * RECORD_BYTES + 1)
  end
  local summary = byte(row_bytes, position)
  return row_read(keys.seats, { position = position, first = first, length = length,
    focus2 = focus2, zone = zone, base = summary - summary % levels })
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
local function pick_together(keys, levels, choice, row_bytes, wanted, orphans)
  local places, seed = choice.places, choice.seed
  local leftward = seed % 16 < 8
  local at = 1
  for _ = 1, PICK_ROWS_MAX do
    at = pick_next(row_bytes, wanted, places, at)
    if not at then return nil end
    local position = places and places[at] or at
    local row = pick_row(keys, levels, row_bytes, position, not places and wanted, seed)
    local start = pick_in_row(row, choice.quantity, orphans, leftward)
    if not start and row.position ~= position then
      row = pick_row(keys, levels, row_bytes, position)
      start = pick_in_row(row, choice.quantity, orphans, leftward)
    end
    if start then return row, start end
    at = at + 1
  end
  return nil
end
