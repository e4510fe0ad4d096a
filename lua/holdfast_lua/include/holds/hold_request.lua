-- The requests of hold_seats, unpacked: three arguments for each, see pack_request in
-- calls/hold_terms.py.

-- Unpacks a choice. Most requests of a batch have the same bytes, which are unpacked once.
local function unpack_choice(common, packed)
  local choice = common.choices[packed]
  if choice then return choice end
  local field = cmsgpack.unpack(packed)
  choice = { CHOICE.members(field), seed = 0 }
  common.choices[packed] = choice
  return choice
end

-- The times of a hold that is made now, with the first fields of its record and its deadline
-- packed: nearly all of a batch have the same.
local function get_times(common, hold_ms, hold_max_ms)
  local times = common.times
  if times.hold_ms == hold_ms and times.hold_max_ms == hold_max_ms then return times end
  local now_ms = common.now_ms
  times = { hold_ms = hold_ms, hold_max_ms = hold_max_ms, status = STATUS.ACTIVE, version = 1,
    created_ms = now_ms, expires_ms = now_ms + hold_ms, latest_ms = now_ms + hold_max_ms }
  times.packed = HOLD.head .. cmsgpack.pack(HOLD.values(times, status, latest_ms))
  times.packed_expires = cmsgpack.pack(times.expires_ms)
  common.times = times
  return times
end

-- One hold as it is requested, with no seats yet. `opened` names what is allotted and open to the
-- buyer (areas.lua). Sixteen fields: a table of more takes twice the memory.
local function unpack_request(common, REQUEST_ARGUMENTS.names)
  local TERMS.names = cmsgpack.unpack(terms)
  local REQUESTED.names(areas, pass_id) = cmsgpack.unpack(requested)
  return { id = id, buyer = buyer, pass_id = pass_id, digest = digest, requested = requested,
    areas = areas, times = get_times(common, hold_ms, hold_max_ms), seed = seed, limit = limit,
    choice = seats_asked == SEATS.BEST and unpack_choice(common, seats),
    named = seats_asked == SEATS.NAMED and cmsgpack.unpack(seats), opened = opened,
    seats = {}, prices = {}, rows = {}, total = 0 }
end

-- All requests. Raises before anything is written when one of them is malformed.
local function unpack_requests(sale, arguments, from)
  local holds, common = {}, { choices = {}, times = {}, now_ms = sale.now_ms }
  for at = from, #arguments, REQUEST_ARGUMENTS.count do
    holds[#holds + 1] = unpack_request(common, REQUEST_ARGUMENTS.items(arguments, at))
  end
  return holds
end
