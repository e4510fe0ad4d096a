-- Puts what is set aside for a channel on sale for everybody.
--
-- Atomic, so that the units leave the counters of what is set aside in the state that they are in.
-- A repeat finds nothing left to release: whoever is not sure that it was done may do it again.
--
-- KEYS: sale events seats
-- ARGV: epoch revision
--   channel  text
--   rows     msgpack list of SEGMENT: the row segments that are set aside for it
--   areas    msgpack { area, ... }
--
-- Returns {code, revision, now_ms}: OK; UNCHANGED when none of it is set aside any more.
-- Complexity: O(seats of the rows).
-- Events: allotment.released {channel, free, held, runs: {first, last, ...} of seats that are free,
-- areas: {area, free units, 0, ...}}, inventory.reopened.

-- include: areas
-- include: rows

local sale, refusal = open_inventory()
if refusal then return refusal end
local rows, areas = cmsgpack.unpack(ARGV.rows), cmsgpack.unpack(ARGV.areas)
local free, held, runs, given, names = 0, 0, {}, {}, {}

for at = 1, #rows, SEGMENT.count do
  local base = SEGMENT.base(rows, at)
  if is_allotted(sale, base) then
    names[base] = true
    local row = read_row(KEYS.seats, { SEGMENT.members(rows, at) })
    for from, after in string.gmatch(row.states, '()' .. SEAT.FREE .. '+()') do
      free = free + after - from
      runs[#runs + 1], runs[#runs + 2] = row.first + from - 1, row.first + after - 2
    end
    held = held + select(2, string.gsub(row.states, SEAT.HELD, ''))
  end
end
for _, area in ipairs(areas) do
  if is_allotted(sale, 'a' .. area) then
    names['a' .. area] = true
    local free_field, held_field = load_area(sale, area)
    free, held = free + sale[free_field], held + sale[held_field]
    local to = #given + 1
    AREA.items(given, to) = area, sale[free_field], 0
  end
end
if not next(names) then return refuse(sale, CODE.UNCHANGED) end

local left = {}
for name in string.gmatch(sale.apart, '%S+') do
  if not (names[name] or names[tonumber(name)]) then left[#left + 1] = name end
end
set_sale(sale, 'apart', #left > 0 and ' ' .. table.concat(left, ' ') .. ' ' or '')
sale.apart_free, sale.apart_held = sale.apart_free - free, sale.apart_held - held
append_event(sale, KEYS.events, 'allotment.released', ARGV.channel,
  { channel = ARGV.channel, free = free, held = held, runs = runs, areas = given })
return commit_inventory(sale, KEYS.events, CODE.OK)
