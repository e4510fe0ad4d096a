-- From a choice to marked rows: the first rung, which serves nearly everybody, and what every rung
-- does with the seats that it found. The other rungs are in ladder.lua.

-- include: pick

-- Marks a take as held in its row and adds its seats and prices to the hold. A row is listed once
-- however many takes it has.
local function picked_take(hold, levels, prices, row, start, count)
  row_mark(row, start, count, 'h')
  local seats, seat_prices = hold.seats, hold.prices
  local price = unpack_record('>d', prices, row.base / levels * 8 + 1)
  local last = row.first + start - 2
  for offset = 1, count do
    seats[#seats + 1] = last + offset
    seat_prices[#seat_prices + 1] = price
  end
  hold.total = hold.total + count * price
  if not row.touched then
    row.touched = true
    hold.touched[#hold.touched + 1] = row
  end
end

-- The first rung: marks the rows and answers whether it served. Rows are only marked: they are in
-- `hold.touched` and yet to be written. The row bytes are handed on to the next rung.
local function picked(levels, keys, choice, hold)
  local row_bytes = redis.call('GET', keys.rows) or ''
  local row, start = pick_together(keys, levels, choice, row_bytes, choice.first_rung,
    choice.orphans)
  if row then picked_take(hold, levels, choice.prices, row, start, choice.quantity) end
  return row, row_bytes
end

-- Writes the rows that were marked and remembers them in the hold.
local function picked_write(sale, keys, hold)
  local rows = {}
  for _, row in ipairs(hold.touched) do
    row_write(sale, keys.seats, keys.rows, row)
    local at = #rows
    rows[at + 1], rows[at + 2], rows[at + 3], rows[at + 4] =
      row.position, row.first, row.length, row.base
  end
  hold.rows = rows
end
