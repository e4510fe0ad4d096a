-- Explicit seats: the buyer names them, they are held if every one of them is free.

-- include: rows

-- Seats beside which this selection would newly leave a single free seat, in one row. Where the
-- free run was just one seat longer than what was chosen in it there was no better way.
local function explicit_alone(row, before, offsets, alone)
  for first, after_last in string.gmatch(before, '()f+()') do
    local chosen, nearest = 0, nil
    for _, offset in ipairs(offsets) do
      if offset >= first and offset < after_last then
        chosen, nearest = chosen + 1, offset
      end
    end
    if chosen > 0 and after_last - first ~= chosen + 1 then
      local rest = string.sub(row.states, first, after_last - 1)
      if string.find('h' .. rest .. 'h', 'hfh', 1, true) then
        alone[#alone + 1] = row.first + nearest - 1
      end
    end
  end
end

-- Marks the seats of a list { position, first, length, base, n, offset, price, ..., ... } as held in
-- their rows and adds them to the hold. Answers the seats that are not free, and those that leave a
-- single seat alone.
local function explicit_take(keys, list, hold)
  local conflicts, alone = {}, {}
  local at = 1
  while at <= #list do
    local row = row_read(keys.seats, { position = list[at], first = list[at + 1],
      length = list[at + 2], base = list[at + 3] })
    local before, offsets, count = row.states, {}, list[at + 4]
    at = at + 5
    for _ = 1, count do
      local offset, price = list[at], list[at + 1]
      if string.sub(before, offset, offset) ~= 'f' then
        conflicts[#conflicts + 1] = row.first + offset - 1
      end
      row_mark(row, offset, 1, 'h')
      offsets[#offsets + 1] = offset
      hold.seats[#hold.seats + 1] = row.first + offset - 1
      hold.prices[#hold.prices + 1] = price
      hold.total = hold.total + price
      at = at + 2
    end
    explicit_alone(row, before, offsets, alone)
    hold.touched[#hold.touched + 1] = row
  end
  return conflicts, alone
end
