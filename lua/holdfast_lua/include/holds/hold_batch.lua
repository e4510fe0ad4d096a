-- Collects the new holds of one call, in the order of the requests, and writes them together.
--
-- A batch is { keys, cache, holds, values, events, made, buyer_units }: the rows, the holds, their
-- packed values and the data of their events, the values by id, and what each buyer has. Nothing is
-- written before write_batch, which gathers: one command for all holds, one for all deadlines, one
-- for a row however many took from it.

-- include: new_hold
-- include: row_cache
-- include: sessions

local FIVE_MEMBERS = '\133'  -- how a msgpack map of five begins

-- The stored holds with these ids, and the deadlines of the passes' sessions, in the order of the
-- holds.
local function read_known(keys, holds)
  local ids, pass_ids, with_passes = {}, {}, false
  for n, hold in ipairs(holds) do
    ids[n], pass_ids[n] = hold.id, hold.pass_id
    with_passes = with_passes or hold.pass_id ~= ''
  end
  return redis.call('HMGET', keys.holds, unpack(ids)),
    with_passes and read_session_deadlines(keys.active, pass_ids) or {}
end

-- An empty batch for the requests `open`: those that were not refused early.
local function open_batch(sale, keys, open)
  local batch = { keys = keys, cache = open_row_cache(keys, sale.levels), holds = {}, made = {},
    values = {}, events = {}, buyer_units = {} }
  local buyers = {}
  for n, hold in ipairs(open) do buyers[n] = hold.buyer end
  local entries = redis.call('HMGET', keys.buyers, unpack(buyers))
  for n, buyer in ipairs(buyers) do
    if not batch.buyer_units[buyer] then
      local units, ids, tat_ms = parse_buyer(entries[n])
      batch.buyer_units[buyer] = { units = units, ids = ids, tat_ms = tat_ms }
    end
  end
  return batch
end

-- Packs a new hold and the data of its event, which have seats and total in common. The fields from
-- `areas` on are packed already, by the caller, who knows them.
local function pack_new_hold(hold)
  local pack, times = cmsgpack.pack, hold.times
  local seats, total = pack(hold.seats), pack(hold.total)
  local value = times.packed .. seats .. pack(HOLD.values(hold, prices, rows)) .. total
    .. hold.requested
  return value, FIVE_MEMBERS .. TEXT.buyer .. pack(hold.buyer) .. TEXT.seats .. seats .. TEXT.areas
    .. pack(hold.areas) .. TEXT.total .. total .. TEXT.expires_ms .. times.packed_expires
end

-- Counts a hold whose seats have been marked in the cache, and packs it; answers its value. Areas
-- are not counted here.
local function add_hold(sale, batch, hold, units)
  local theirs, seats = batch.buyer_units[hold.buyer], #hold.seats
  theirs.units, theirs.ids = theirs.units + units, theirs.ids .. ' ' .. hold.id
  sale.free, sale.held = sale.free - seats, sale.held + seats
  local at = #batch.holds + 1
  batch.holds[at] = hold
  batch.values[at], batch.events[at] = pack_new_hold(hold)
  batch.made[hold.id] = batch.values[at]
  return batch.values[at]
end

-- Called before everything else is written: the store can refuse these writes alone, when the
-- stream is ahead.
local function append_created_events(sale, batch)
  for n, hold in ipairs(batch.holds) do
    append_packed_event(sale, batch.keys.events, 'hold.created', hold.id, batch.events[n])
  end
end

local function write_buyers(batch)
  local entries, written = {}, {}
  for _, hold in ipairs(batch.holds) do
    local buyer = hold.buyer
    if not written[buyer] then
      written[buyer] = true
      local theirs = batch.buyer_units[buyer]
      entries[#entries + 1] = buyer
      entries[#entries + 1] = format_buyer(theirs.units, theirs.ids, theirs.tat_ms)
    end
  end
  redis.call('HSET', batch.keys.buyers, unpack(entries))
end

-- Counts the buyers whose first hold this is, and notes how long each has taken to choose, in
-- the first of that buyer's holds.
local function note_first_holds(sale, batch, started)
  local first_holds = sale.first_holds
  for _, hold in ipairs(batch.holds) do
    local started_ms = started[hold.pass_id]
    if started_ms ~= nil then
      first_holds = first_holds + 1
      hold.choosing_ms = started_ms and math.max(0, sale.now_ms - started_ms) or nil
      started[hold.pass_id] = nil
    end
  end
  if first_holds > sale.first_holds then set_sale(sale, 'first_holds', first_holds) end
end

local function write_batch(sale, batch)
  local keys, values, deadlines, sessions = batch.keys, {}, {}, {}
  for n, hold in ipairs(batch.holds) do
    local expires_ms = hold.times.expires_ms
    values[2 * n - 1], values[2 * n] = hold.id, batch.values[n]
    deadlines[2 * n - 1], deadlines[2 * n] = expires_ms, hold.id
    if hold.pass_id ~= '' then
      sessions[#sessions + 1] = expires_ms
      sessions[#sessions + 1] = hold.pass_id
    end
    note_due(sale, expires_ms)
  end
  append_created_events(sale, batch)
  write_rows(sale, batch.cache)
  redis.call('HSET', keys.holds, unpack(values))
  redis.call('ZADD', keys.due, unpack(deadlines))
  write_buyers(batch)
  if #sessions > 0 then note_first_holds(sale, batch, extend_held_sessions(keys, sessions)) end
end
