-- The stock: seats, area units and their counters, and how they change hands.
--
-- `seats` is one byte a seat in plan order; `rows` one byte a row block, nearest to the focal point
-- first: class * levels + the longest run of free seats, capped at levels - 1. Both change together,
-- row by row, and the counters in the sale hash with them, so that a recount always agrees.
--
--   local sale, refusal = stock_open({})
--   if refusal then return refusal end
--   ... validate ... stock_take / stock_give ...
--   return stock_commit(sale, events_key, CODE.OK)
--
-- Counters are plain fields of `sale` until the commit, which writes what differs, once.
-- A row is { position, first, length, base, states }: place in `rows` (from 1), first seat (from 0),
-- number of seats, class * levels, and its bytes of `seats`.

-- include: guard
-- include: events

local STOCK_FIELDS = { 'lifecycle', 'opens_ms', 'ends_ms', 'free', 'held', 'booked', 'blocked',
  'next_due_ms', 'levels' }

-- Opens the sale with its counters; `more` lists further fields (those of areas).
local function stock_open(more)
  local fields = { unpack(STOCK_FIELDS) }
  for position = 1, #more do fields[#fields + 1] = more[position] end
  local sale, refusal = guard_open(KEYS[1], ARGV[1], ARGV[2], fields)
  if refusal then return nil, refusal end
  sale.before = { free = sale.free, held = sale.held, booked = sale.booked,
    blocked = sale.blocked, next_due_ms = sale.next_due_ms }
  for position = 1, #more do sale.before[more[position]] = sale[more[position]] end
  return sale
end

-- Whether nothing can be bought any more, and nothing will come back by itself.
local function stock_sold_out(counters)
  return counters.free + counters.held <= 0
end

-- Writes what changed and answers; tells when the sale has sold out or reopened by this.
local function stock_commit(sale, events_key, code, ...)
  local before = sale.before
  if stock_sold_out(sale) ~= stock_sold_out(before) then
    local kind = stock_sold_out(sale) and 'inventory.sold_out' or 'inventory.reopened'
    event_append(sale, events_key, kind, sale.name,
      { free = sale.free, held = sale.held, booked = sale.booked, blocked = sale.blocked })
  end
  for field, value in pairs(before) do
    if sale[field] ~= value then guard_set(sale, field, sale[field]) end
  end
  return guard_commit(sale, code, ...)
end

-- Answers a refusal, keeping what was swept on the way.
local function stock_refuse(sale, events_key, code, ...)
  local before, swept = sale.before, #sale.changes > 0
  for field, value in pairs(before) do swept = swept or sale[field] ~= value end
  if swept then return stock_commit(sale, events_key, code, ...) end
  return guard_refuse(sale, code, ...)
end

-- Areas. Counters of an area are fields of the sale hash, read when first needed.

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
  end
end

-- Rows of seats.

-- The longest run of free seats.
local function row_longest(states)
  local longest, from = 0, 1
  while true do
    local first, last = string.find(states, 'f+', from)
    if not first then return longest end
    if last - first >= longest then longest = last - first + 1 end
    from = last + 2
  end
end

local function row_read(seats_key, row)
  row.states = redis.call('GETRANGE', seats_key, row.first, row.first + row.length - 1)
  return row
end

local function row_write(sale, seats_key, rows_key, row)
  redis.call('SETRANGE', seats_key, row.first, row.states)
  local run = row_longest(row.states)
  redis.call('SETRANGE', rows_key, row.position - 1,
    string.char(row.base + math.min(run, sale.levels - 1)))
end

-- Puts `count` seats from `start` (from 1) on into a state.
local function row_mark(row, start, count, state)
  row.states = string.sub(row.states, 1, start - 1) .. string.rep(state, count)
    .. string.sub(row.states, start + count)
end

-- The rows of a flat list { position, first, length, base, ... }, with their bytes.
local function rows_of(seats_key, flat)
  local rows = {}
  for at = 1, #flat, 4 do
    rows[#rows + 1] = row_read(seats_key,
      { position = flat[at], first = flat[at + 1], length = flat[at + 2], base = flat[at + 3] })
  end
  return rows
end

-- Those of `seats` (from 0) that are in a state, in rows that have been read.
local function rows_with(rows, seats, state)
  local found, wanted = {}, string.byte(state)
  for _, seat in ipairs(seats) do
    for _, row in ipairs(rows) do
      local offset = seat - row.first + 1
      if offset >= 1 and offset <= row.length and string.byte(row.states, offset) == wanted then
        found[#found + 1] = seat
      end
    end
  end
  return found
end

-- Those of `seats` that are in any other state.
local function rows_conflicts(rows, seats, state)
  local fine, conflicts = {}, {}
  for _, seat in ipairs(rows_with(rows, seats, state)) do fine[seat] = true end
  for _, seat in ipairs(seats) do
    if not fine[seat] then conflicts[#conflicts + 1] = seat end
  end
  return conflicts
end

-- Turns those of `seats` that are in a state of the set `from` into `to` and writes the rows that
-- changed. Answers how many changed, by the state that they had.
local function rows_move(sale, seats_key, rows_key, rows, seats, from, to)
  local moved = {}
  for _, row in ipairs(rows) do
    local changed = false
    for _, seat in ipairs(seats) do
      local offset = seat - row.first + 1
      if offset >= 1 and offset <= row.length then
        local state = string.sub(row.states, offset, offset)
        if from[state] then
          row_mark(row, offset, 1, to)
          moved[state] = (moved[state] or 0) + 1
          changed = true
        end
      end
    end
    if changed then row_write(sale, seats_key, rows_key, row) end
  end
  return moved
end
