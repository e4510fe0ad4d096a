-- From a choice to marked rows: the first rung, which serves nearly everybody, and what every rung
-- does with the seats that it found. The other rungs are in ladder.lua.

-- include: pick

-- Remembers in the hold that it has seats of this row; once, though it may take from it twice.
local function picked_from(hold, row)
  local rows = hold.rows
  local at = #rows
  if at > 0 and rows[at - 3] == row.position then return end
  rows[at + 1], rows[at + 2], rows[at + 3], rows[at + 4] =
    row.position, row.first, row.length, row.base
end

-- Marks a take as held in its row and adds its seats and prices to the hold.
local function picked_take(house, hold, prices, row, start, count)
  house_put(house, row, row_marked(row.states, start, count, 'h'), count)
  picked_from(hold, row)
  local seats, seat_prices = hold.seats, hold.prices
  local price = unpack_record('>d', prices, row.base / house.levels * 8 + 1)
  local last = row.first + start - 2
  for offset = 1, count do
    seats[#seats + 1] = last + offset
    seat_prices[#seat_prices + 1] = price
  end
  hold.total = hold.total + count * price
end

-- The first rung: takes the seats and answers whether it served.
local function picked(house, choice, hold)
  local row, start = pick_together(house, choice, choice.first_rung, choice.orphans)
  if row then picked_take(house, hold, choice.prices, row, start, choice.quantity) end
  return row ~= nil
end
