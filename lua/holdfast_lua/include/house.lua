-- The house: the row blocks as one script sees them while it takes seats.
--
-- A row block is read when it is first looked at, changed in memory, and written once by
-- house_write, however many holds took seats in it; until then nothing is written. `bytes` are those
-- of `rows` and keep in step, so that the next pick sees what the one before has taken.
--
-- `searches` remembers, for a set of row bytes, a position before which no row has one of them, and
-- which of them occur at all from there on: a crowd asks for the same, and in a full house to find
-- that out costs more than all else.
--
-- A row is as in rows.lua, with what its record says besides: `focus2`, twice the position nearest
-- to the focal point, `zone`, and `near`, how many blocks of its tier follow it.

-- include: rows

local RECORD, RECORD_BYTES, RECORDS_READ = '>I4I2I4I2B', 13, 8

local byte, char, find, sub = string.byte, string.char, string.find, string.sub
local unpack_record = struct.unpack

local function house_open(keys, levels)
  return { keys = keys, levels = levels, bytes = redis.call('GET', keys.rows) or '', rows = {},
    touched = {}, searches = {}, lowest = math.huge, highest = 0,
    records = '', records_at = -RECORDS_READ }
end

-- The record at a position. Those behind it come with it: a tier's are asked for together.
local function house_record(house, position)
  local at = position - house.records_at
  if at < 0 or at >= RECORDS_READ then
    local first_byte = (position - 1) * RECORD_BYTES
    house.records = redis.call('GETRANGE', house.keys.layout, first_byte,
      first_byte + RECORDS_READ * RECORD_BYTES - 1)
    house.records_at, at = position, 0
  end
  return unpack_record(RECORD, house.records, at * RECORD_BYTES + 1)
end

local function house_row(house, position)
  local row = house.rows[position]
  if row then return row end
  local first, length, focus2, zone, near = house_record(house, position)
  local summary = byte(house.bytes, position)
  row = { position = position, first = first, length = length, focus2 = focus2, zone = zone,
    near = near, base = summary - summary % house.levels, taken = 0,
    states = redis.call('GETRANGE', house.keys.seats, first, first + length - 1) }
  house.rows[position] = row
  return row
end

-- How many blocks of its tier follow this one; does not read its seats.
local function house_near(house, position)
  local row = house.rows[position]
  if row then return row.near end
  local _, _, _, _, near = house_record(house, position)
  return near
end

-- A row's byte is another one now.
local function house_resum(house, position, summary)
  local bytes, one = house.bytes, char(summary)
  house.bytes = sub(bytes, 1, position - 1) .. one .. sub(bytes, position + 1)
  house.lowest = math.min(house.lowest, position)
  house.highest = math.max(house.highest, position)
  for wanted, search in pairs(house.searches) do
    if find(wanted, one, 1, true) then
      if position < search.from then search.from = position end
      if not find(search.among, one, 1, true) then search.among = search.among .. one end
    end
  end
end

-- Gives a row other states, in which `count` seats are held that were free.
local function house_put(house, row, states, count)
  row.states = states
  local summary = row_summary(row, house.levels)
  if byte(house.bytes, row.position) ~= summary then house_resum(house, row.position, summary) end
  if row.taken == 0 then house.touched[#house.touched + 1] = row end
  row.taken = row.taken + count
end

-- Writes the rows that changed, and their bytes from the first to the last that did. What is set
-- aside is counted here and not by apart.lua: no closure is made for what few sales have.
local function house_write(sale, house)
  local keys = house.keys
  for _, row in ipairs(house.touched) do
    redis.call('SETRANGE', keys.seats, row.first, row.states)
    if sale.apart ~= '' and find(sale.apart, ' ' .. row.base .. ' ', 1, true) then
      sale.apart_free, sale.apart_held = sale.apart_free - row.taken, sale.apart_held + row.taken
    end
  end
  if house.highest > 0 then
    redis.call('SETRANGE', keys.rows, house.lowest - 1,
      sub(house.bytes, house.lowest, house.highest))
  end
end
