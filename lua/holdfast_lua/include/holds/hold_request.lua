-- The requests of hold_seats, unpacked: three arguments a hold, packed by calls/hold_terms.py.

-- include: prelude
-- include: pick

local BEST, EXPLICIT, NO_ORPHANS = 1, 2, 4

-- A choice; the same bytes, as most of a crowd send, are taken apart once.
local function unpack_choice(choices, packed)
  local choice = choices[packed]
  if choice then return choice end
  local quantity, orphans, first_rung, kinds, prices, places =
    unpack_record('>I2BI2c0I2c0I2c0I4c0', packed)
  choice = { quantity = quantity, orphans = orphans == 1, first_rung = first_rung, kinds = kinds,
    prices = prices, places = places ~= '' and cmsgpack.unpack(places) or nil }
  choices[packed] = choice
  return choice
end

-- One hold as it is requested, with no seats yet. Behind the id its terms name what is `opened` to
-- the buyer (include/seats/areas.lua). All its fields are named here, those to come too: a table
-- that is made in its full size does not have to grow.
local function unpack_request(choices, terms, rest, wish)
  local hold_ms, hold_max_ms, seed, limit, asks, id, rest_at =
    unpack_record('>I4I4I4I2BBc0', terms)
  local areas, buyer, digest, pass_id = cmsgpack.unpack(rest)
  return { id = id, buyer = buyer, pass_id = pass_id, digest = digest, rest = rest, areas = areas,
    hold_ms = hold_ms, hold_max_ms = hold_max_ms, seed = seed, limit = limit,
    choice = asks == BEST and unpack_choice(choices, wish),
    list = asks % NO_ORPHANS == EXPLICIT and cmsgpack.unpack(wish),
    no_orphans = asks >= NO_ORPHANS, opened = sub(terms, rest_at), seats = {}, prices = {},
    rows = {}, total = 0, changes = false, expires_ms = 0, value = false }
end

-- All requests. Raises before anything is written when a part of them makes no sense.
local function unpack_requests(arguments, from)
  local holds, choices = {}, {}
  for at = from, #arguments, 3 do
    holds[#holds + 1] = unpack_request(choices, arguments[at], arguments[at + 1], arguments[at + 2])
  end
  return holds
end
