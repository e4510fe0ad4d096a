-- Seats of rows that change hands, whatever they were before.

-- include: rows
-- include: apart

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
          row.states = row_marked(row.states, offset, 1, to)
          moved[state] = (moved[state] or 0) + 1
          apart_move(sale, row.base, state, to, 1)
          changed = true
        end
      end
    end
    if changed then row_write(sale, seats_key, rows_key, row) end
  end
  return moved
end
