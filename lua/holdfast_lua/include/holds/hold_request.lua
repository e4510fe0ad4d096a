-- The requests of hold_seats, unpacked: three arguments for each, see pack_request in
-- calls/hold_terms.py.

-- A choice; the same bytes, as most of a crowd send, are unpacked once.
local function unpack_choice(choices, packed)
  local choice = choices[packed]
  if choice then return choice end
  local field = cmsgpack.unpack(packed)
  choice = { CHOICE.members(field), seed = 0 }
  choices[packed] = choice
  return choice
end

-- One hold as it is requested, with no seats yet. `opened` names what is allotted and open to the
-- buyer (areas.lua). All its fields are named here, those to come too: a table that is made in its
-- full size does not have to grow.
local function unpack_request(choices, REQUEST_ARGUMENTS.names)
  local TERMS.names = cmsgpack.unpack(terms)
  local REQUESTED.names(areas, pass_id) = cmsgpack.unpack(requested)
  return { id = id, buyer = buyer, pass_id = pass_id, digest = digest, requested = requested,
    areas = areas, hold_ms = hold_ms, hold_max_ms = hold_max_ms, seed = seed, limit = limit,
    choice = seats_asked == SEATS.BEST and unpack_choice(choices, seats),
    named = seats_asked == SEATS.NAMED and cmsgpack.unpack(seats), opened = opened,
    status = STATUS.ACTIVE, version = 1, created_ms = 0, expires_ms = 0, latest_ms = 0, seats = {},
    prices = {}, rows = {}, total = 0, changes = false, value = false }
end

-- All requests. Raises before anything is written when a part of them makes no sense.
local function unpack_requests(arguments, from)
  local holds, choices = {}, {}
  for at = from, #arguments, REQUEST_ARGUMENTS.count do
    holds[#holds + 1] = unpack_request(choices, REQUEST_ARGUMENTS.items(arguments, at))
  end
  return holds
end
