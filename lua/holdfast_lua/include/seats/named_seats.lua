-- Named seats: the buyer names them, they are held if every one of them may be had and is free.

-- include: prelude
-- include: pick

-- Seats beside which this selection would newly leave a single free seat, in one row. Where the
-- free run was just one seat longer than what was chosen in it there was no better way.
local function find_singles(row, after, offsets, alone)
  local single = SEAT.HELD .. SEAT.FREE .. SEAT.HELD
  for first, after_last in string.gmatch(row.states, '()' .. SEAT.FREE .. '+()') do
    local chosen, nearest = 0, nil
    for _, offset in ipairs(offsets) do
      if offset >= first and offset < after_last then
        chosen, nearest = chosen + 1, offset
      end
    end
    if chosen > 0 and after_last - first ~= chosen + 1 then
      local rest = string.sub(after, first, after_last - 1)
      if string.find(SEAT.HELD .. rest .. SEAT.HELD, single, 1, true) then
        alone[#alone + 1] = row.first + nearest - 1
      end
    end
  end
end

-- Adds the seats of one row to the hold and to its obstacles; answers the row's states with them.
local function check_row(row, offsets, prices, hold, why)
  local after, barred = row.states, why.barred(row.base)
  for at, offset in ipairs(offsets) do
    local seat, price = row.first + offset - 1, prices[at]
    if barred then why.withheld[#why.withheld + 1] = seat end
    if sub(row.states, offset, offset) ~= SEAT.FREE then
      why.conflicts[#why.conflicts + 1] = seat
    end
    after = mark_seats(after, offset, 1, SEAT.HELD)
    hold.seats[#hold.seats + 1], hold.prices[#hold.prices + 1] = seat, price
    hold.total = hold.total + price
  end
  find_singles(row, after, offsets, why.alone)
  return after
end

-- Adds the seats of a list, see SeatList in calls/hold_terms.py, to the hold. Answers the obstacles
-- (`withheld`: of a class that this buyer may not have, or that is not open to them, going by the
-- class in the store; `conflicts`: not free; `alone`: would leave a single seat beside them) and
-- the rows as they would be; none is changed yet.
local function check_seats(sale, cache, list, hold)
  local bases = {}
  for _, kind in ipairs(NAMED.withheld(list)) do bases[kind * cache.levels] = true end
  local function barred(base)
    return bases[base] or (sale.apart ~= '' and is_barred(sale, hold.opened, base))
  end
  local why = { barred = barred, withheld = {}, conflicts = {}, alone = {} }
  local changes = {}
  for _, part in ipairs(NAMED.segments(list)) do
    local NAMED_SEGMENT.names = NAMED_SEGMENT.items(part)
    local row = get_row(cache, position)
    changes[#changes + 1] = { row = row, count = #offsets,
      states = check_row(row, offsets, prices, hold, why) }
    note_row(hold, row)
  end
  return why, changes
end

local function take_checked(cache, changes)
  for _, change in ipairs(changes) do put_row(cache, change.row, change.states, change.count) end
end
