-- Seats that an operator takes off sale or puts back. Whoever has one keeps it: only seats that are
-- in the one state go into the other.

-- include: stock
-- include: rows_move

local COUNTED = { f = 'free', x = 'blocked' }

-- Puts those seats of `list` that are in the state `from` into `to`, and tells which they were. The
-- list is flat: { position, first, length, base, n, seat, ..., position, ... }.
local function rows_switch(sale, keys, list, from, to, kind)
  local changed = {}
  local at = 1
  while at <= #list do
    local rows = rows_of(keys.seats, { unpack(list, at, at + 3) })
    local seats = { unpack(list, at + 5, at + 4 + list[at + 4]) }
    for _, seat in ipairs(rows_with(rows, seats, from)) do changed[#changed + 1] = seat end
    rows_move(sale, keys.seats, keys.rows, rows, seats, { [from] = true }, to)
    at = at + 5 + list[at + 4]
  end
  if #changed == 0 then return guard_refuse(sale, CODE.UNCHANGED, 0) end
  sale[COUNTED[from]] = sale[COUNTED[from]] - #changed
  sale[COUNTED[to]] = sale[COUNTED[to]] + #changed
  event_append(sale, keys.events, kind, sale.name, { seats = changed })
  return stock_commit(sale, keys.events, CODE.OK, #changed)
end
