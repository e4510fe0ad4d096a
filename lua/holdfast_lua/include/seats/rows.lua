-- Row segments: their bytes of `seats`, and the one byte that sums them up.
--
-- `seats` is one byte a seat in plan order; `rows` one byte a row segment, nearest to the focal
-- point first: class * levels + the longest run of free seats, capped at levels - 1. Whoever writes
-- a row writes both.
--
-- A row is { position, first, length, base, states }: place in `rows` (from 1), first seat (from
-- 0), number of seats, class * levels, and its bytes of `seats`.

-- include: prelude

-- The longest run of free seats.
local function measure_longest_run(states)
  local free, longest, from = SEAT.FREE .. '+', 0, 1
  while true do
    local first, last = find(states, free, from)
    if not first then return longest end
    if last - first >= longest then longest = last - first + 1 end
    from = last + 2
  end
end

-- The byte that sums the row up.
local function summarize_row(row, levels)
  local run, top = measure_longest_run(row.states), levels - 1
  return row.base + (run < top and run or top)
end

local function read_row(seats_key, row)
  row.states = redis.call('GETRANGE', seats_key, row.first, row.first + row.length - 1)
  return row
end

local function write_row(sale, seats_key, rows_key, row)
  redis.call('SETRANGE', seats_key, row.first, row.states)
  redis.call('SETRANGE', rows_key, row.position - 1, char(summarize_row(row, sale.levels)))
end

-- A row's states with `count` seats from `start` (from 1) on put into one state.
local function mark_seats(states, start, count, state)
  return sub(states, 1, start - 1) .. string.rep(state, count)
    .. sub(states, start + count)
end
