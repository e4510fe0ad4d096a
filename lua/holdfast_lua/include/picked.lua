-- From a choice to marked rows: the whole ladder, for the scripts that hold what they pick.

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

-- The rungs for a party in parts; defined when called, since that is seldom.
local function picked_split(...)
-- include: split
  return split(...)
end

-- What the first rung could not serve.
local function picked_otherwise(sale, keys, choice, row_bytes, hold)
  local levels, quantity = sale.levels, choice.quantity
  local enough = pick_bytes(choice, levels, quantity)
  local row, start = pick_together(keys, levels, choice, row_bytes, enough, true)
  if row then return picked_take(hold, levels, choice.prices, row, start, quantity) end
  -- A party is not split while holds that are overdue may still have a row for it.
  if stock_overdue(sale) then return CODE.SWEEP_AGAIN end
  local takes = quantity > 3 and picked_split(keys, levels, choice, row_bytes)
  if takes then
    for _, take in ipairs(takes) do
      picked_take(hold, levels, choice.prices, take.row, take.start, take.count)
    end
    return nil
  end
  local any = pick_next(row_bytes, pick_bytes(choice, levels, 1), choice.places, 1)
  return any and CODE.NOT_ENOUGH_TOGETHER or CODE.SOLD_OUT
end

-- Picks for a choice; nil, or the code that says why there is nothing. Rows are only marked: they
-- are in `hold.touched` and yet to be written.
local function picked(sale, keys, choice, hold)
  local levels = sale.levels
  local row_bytes = redis.call('GET', keys.rows) or ''
  local row, start = pick_together(keys, levels, choice, row_bytes, choice.first_rung,
    choice.orphans)
  if not row then return picked_otherwise(sale, keys, choice, row_bytes, hold) end
  return picked_take(hold, levels, choice.prices, row, start, choice.quantity)
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
