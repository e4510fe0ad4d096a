-- Moves seats from one state to another, in rows that are read and written for it.

-- include: rows
-- include: areas
-- include: inventory

-- The rows of a flat list of SEGMENT, with their bytes.
local function read_rows(seats_key, flat)
  local rows = {}
  for at = 1, #flat, SEGMENT.count do
    rows[#rows + 1] = read_row(seats_key, { SEGMENT.members(flat, at) })
  end
  return rows
end

-- Those of `seats` (from 0) that are in a state, in rows that have been read.
local function find_seats_in_state(rows, seats, state)
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
local function find_conflicts(rows, seats, state)
  local fine, conflicts = {}, {}
  for _, seat in ipairs(find_seats_in_state(rows, seats, state)) do fine[seat] = true end
  for _, seat in ipairs(seats) do
    if not fine[seat] then conflicts[#conflicts + 1] = seat end
  end
  return conflicts
end

-- Turns those of `seats` that are in a state of the set `from` into `to` and writes the rows that
-- changed. Answers how many changed, by the state that they had.
local function move_seats(sale, seats_key, rows_key, rows, seats, from, to)
  local moved = {}
  for _, row in ipairs(rows) do
    local changed = false
    for _, seat in ipairs(seats) do
      local offset = seat - row.first + 1
      if offset >= 1 and offset <= row.length then
        local state = string.sub(row.states, offset, offset)
        if from[state] then
          row.states = mark_seats(row.states, offset, 1, to)
          moved[state] = (moved[state] or 0) + 1
          move_allotted(sale, row.base, state, to, 1)
          changed = true
        end
      end
    end
    if changed then write_row(sale, seats_key, rows_key, row) end
  end
  return moved
end

local COUNTED = { [SEAT.FREE] = 'free', [SEAT.BLOCKED] = 'blocked' }

-- Puts those seats of a list of SWITCH that are in the state `from` into `to`, as an operator asks,
-- and answers which they were. Held and booked seats stay.
local function switch_seats(sale, keys, list, from, to, kind)
  local changed = {}
  for _, part in ipairs(list) do
    local SWITCH.names = SWITCH.items(part)
    local rows = read_rows(keys.seats, segment)
    for _, seat in ipairs(find_seats_in_state(rows, seats, from)) do
      changed[#changed + 1] = seat
    end
    move_seats(sale, keys.seats, keys.rows, rows, seats, { [from] = true }, to)
  end
  if #changed == 0 then return refuse(sale, CODE.UNCHANGED, 0) end
  sale[COUNTED[from]] = sale[COUNTED[from]] - #changed
  sale[COUNTED[to]] = sale[COUNTED[to]] + #changed
  append_event(sale, keys.events, kind, sale.name, { seats = changed })
  return commit_inventory(sale, keys.events, CODE.OK, #changed)
end
