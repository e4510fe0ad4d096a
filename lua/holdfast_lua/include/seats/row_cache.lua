-- The row cache: the row segments as one script sees them while it takes seats.
--
-- A row segment is read when it is first looked at, changed in memory, and written once by
-- write_rows, however many holds took seats in it; until then nothing is written.
--
-- `bytes` are those of `rows` as they were read. Rows whose byte has changed since have it in
-- `changed`, by position, and those of them with free seats in `partial` as well, so that the next
-- pick sees what the one before has taken. To put each change into the string instead would copy a
-- byte for every row segment of the plan, for every hold.
--
-- `searches` keeps, for a set of row bytes, a position before which no row has one of them, and
-- which of them occur at all from there on: most holds search for the same set, and when much is
-- sold this search costs more than the rest of the script.
--
-- A row is as in rows.lua, with what its record says besides: `focus2`, twice the position nearest
-- to the focal point, `zone`, and `near`, how many segments of its tier follow it.

-- include: prelude
-- include: rows

local RECORDS_READ = 8

local function open_row_cache(keys, levels)
  return { keys = keys, levels = levels, bytes = redis.call('GET', keys.rows) or '', rows = {},
    touched = {}, searches = {}, changed = {}, partial = {}, records = '',
    records_at = -RECORDS_READ }
end

-- The byte of a row as a string of one, '' behind the last.
local function get_row_byte(cache, position)
  return cache.changed[position] or sub(cache.bytes, position, position)
end

-- The record at a position. Those behind it come with it: a tier's are asked for together.
local function read_row_record(cache, position)
  local at = position - cache.records_at
  if at < 0 or at >= RECORDS_READ then
    local first_byte = (position - 1) * SEGMENT_RECORD.size
    cache.records = redis.call('GETRANGE', cache.keys.layout, first_byte,
      first_byte + RECORDS_READ * SEGMENT_RECORD.size - 1)
    cache.records_at, at = position, 0
  end
  return struct.unpack(SEGMENT_RECORD.format, cache.records, at * SEGMENT_RECORD.size + 1)
end

local function get_row(cache, position)
  local row = cache.rows[position]
  if row then return row end
  local SEGMENT_RECORD.names = read_row_record(cache, position)
  local summary = byte(cache.bytes, position)  -- what has changed is in `rows`
  row = { position = position, first = first, length = length, focus2 = focus2, zone = zone,
    near = near, base = summary - summary % cache.levels, summary = summary, taken = 0,
    states = redis.call('GETRANGE', cache.keys.seats, first, first + length - 1) }
  cache.rows[position] = row
  return row
end

-- How many segments of its tier follow this one; does not read its seats.
local function get_near(cache, position)
  local row = cache.rows[position]
  if row then return row.near end
  return (select(SEGMENT_RECORD.near, read_row_record(cache, position)))
end

-- Notes that a row's byte has changed.
local function update_summary(cache, position, summary, is_partial)
  local one = char(summary)
  cache.changed[position] = one
  cache.partial[position] = is_partial and one or nil
  for wanted, search in pairs(cache.searches) do
    if find(wanted, one, 1, true) then
      if position < search.from then search.from = position end
      if not find(search.among, one, 1, true) then search.among = search.among .. one end
    end
  end
end

-- Gives a row other states, in which `count` seats are held that were free.
local function put_row(cache, row, states, count)
  row.states = states
  local summary = summarize_row(row, cache.levels)
  if summary ~= row.summary then
    row.summary = summary
    update_summary(cache, row.position, summary, summary > row.base)
  end
  if row.taken == 0 then cache.touched[#cache.touched + 1] = row end
  row.taken = row.taken + count
end

-- Writes the bytes of the rows, from the first to the last that has another one.
local function write_row_bytes(cache)
  local positions = {}
  for position in pairs(cache.changed) do positions[#positions + 1] = position end
  if #positions == 0 then return end
  table.sort(positions)
  local parts, from = {}, positions[1]
  for _, position in ipairs(positions) do
    parts[#parts + 1] = sub(cache.bytes, from, position - 1)
    parts[#parts + 1] = cache.changed[position]
    from = position + 1
  end
  redis.call('SETRANGE', cache.keys.rows, positions[1] - 1, table.concat(parts))
end

-- Writes the rows that changed, and their bytes. What is allotted is counted here and not by
-- areas.lua, whose closures would be made for every sale though few have allotments.
local function write_rows(sale, cache)
  for _, row in ipairs(cache.touched) do
    redis.call('SETRANGE', cache.keys.seats, row.first, row.states)
    if sale.apart ~= '' and find(sale.apart, ' ' .. row.base .. ' ', 1, true) then
      sale.apart_free, sale.apart_held = sale.apart_free - row.taken, sale.apart_held + row.taken
    end
  end
  write_row_bytes(cache)
end
