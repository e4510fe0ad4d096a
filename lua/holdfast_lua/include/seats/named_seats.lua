-- Named seats: the buyer names them, they are held if every one of them may be had and is free.

-- include: prelude
-- include: pick

-- Seats beside which this selection would newly leave a single free seat, in one row. Where the
-- free run was just one seat longer than what was chosen in it there was no better way.
local function find_singles(row, after, offsets, alone)
  for first, after_last in string.gmatch(row.states, '()f+()') do
    local chosen, nearest = 0, nil
    for _, offset in ipairs(offsets) do
      if offset >= first and offset < after_last then
        chosen, nearest = chosen + 1, offset
      end
    end
    if chosen > 0 and after_last - first ~= chosen + 1 then
      local rest = string.sub(after, first, after_last - 1)
      if string.find('h' .. rest .. 'h', 'hfh', 1, true) then
        alone[#alone + 1] = row.first + nearest - 1
      end
    end
  end
end

-- One row's share of the list, from `at` on: n, then n pairs of offset and price.
local function check_row(row, list, at, hold, why)
  local after, offsets = row.states, {}
  local barred = why.barred(row.base)
  for pair = at + 1, at + 2 * list[at], 2 do
    local offset, price = list[pair], list[pair + 1]
    local seat = row.first + offset - 1
    if barred then why.withheld[#why.withheld + 1] = seat end
    if sub(row.states, offset, offset) ~= 'f' then why.conflicts[#why.conflicts + 1] = seat end
    after = mark_seats(after, offset, 1, 'h')
    offsets[#offsets + 1] = offset
    hold.seats[#hold.seats + 1], hold.prices[#hold.prices + 1] = seat, price
    hold.total = hold.total + price
  end
  find_singles(row, after, offsets, why.alone)
  return after
end

-- Adds the seats of a list { classes withheld, position, n, offset, price, ..., position, ... } to
-- the hold. Answers what speaks against it (`withheld`: of a class that this buyer may not have, or
-- that is not open to them, going by the class in the store; `conflicts`: not free; `alone`: would
-- leave a single seat beside them) and the rows as they would be; none is changed yet.
local function check_seats(sale, cache, list, hold)
  local bases = {}
  for _, kind in ipairs(list[1]) do bases[kind * cache.levels] = true end
  local function barred(base)
    return bases[base] or (sale.apart ~= '' and is_barred(sale, hold.opened, base))
  end
  local why = { barred = barred, withheld = {}, conflicts = {}, alone = {} }
  local changes = {}
  local at = 2
  while at <= #list do
    local row = get_row(cache, list[at])
    changes[#changes + 1] = { row = row, count = list[at + 1],
      states = check_row(row, list, at + 1, hold, why) }
    note_row(hold, row)
    at = at + 2 + 2 * list[at + 1]
  end
  return why, changes
end

local function take_checked(cache, changes)
  for _, change in ipairs(changes) do put_row(cache, change.row, change.states, change.count) end
end
