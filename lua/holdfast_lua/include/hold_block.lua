-- New holds on their way from decided to written: all that one call makes, in the order of asking.
--
-- A block is { keys, house, holds, made, purses }: the rows, the holds, their packed values by id,
-- and what each buyer has. Nothing is written before block_write, which gathers: one command for
-- all holds, one for all deadlines, one for a row however many took from it.

-- include: hold_new
-- include: house
-- include: sessions

local FIVE_MEMBERS = '\133'  -- how a msgpack map of five begins

-- What the ids have already, and the deadlines of the passes' sessions, in the order of the holds.
local function block_known(keys, holds)
  local ids, pass_ids, with_passes = {}, {}, false
  for n, hold in ipairs(holds) do
    ids[n], pass_ids[n] = hold.id, hold.pass_id
    with_passes = with_passes or hold.pass_id ~= ''
  end
  return redis.call('HMGET', keys.holds, unpack(ids)),
    with_passes and session_deadlines(keys.active, pass_ids) or {}
end

-- `asking` are the holds that may come to be.
local function block_open(sale, keys, asking)
  local block = { keys = keys, house = house_open(keys, sale.levels), holds = {}, made = {},
    purses = {} }
  local buyers = {}
  for n, hold in ipairs(asking) do buyers[n] = hold.buyer end
  local entries = redis.call('HMGET', keys.buyers, unpack(buyers))
  for n, buyer in ipairs(buyers) do
    if not block.purses[buyer] then
      local units, ids, tat_ms = buyer_parse(entries[n])
      block.purses[buyer] = { units = units, ids = ids, tat_ms = tat_ms }
    end
  end
  return block
end

-- Counts a hold whose seats have been marked in the house, and packs it. Areas are not counted here.
local function block_add(sale, block, hold, units)
  local purse, seats, now_ms = block.purses[hold.buyer], #hold.seats, sale.now_ms
  purse.units, purse.ids = purse.units + units, purse.ids .. ' ' .. hold.id
  sale.free, sale.held = sale.free - seats, sale.held + seats
  hold.expires_ms = now_ms + hold.hold_ms
  hold.value = hold_pack_new(now_ms, hold.expires_ms, now_ms + hold.hold_max_ms, hold, hold.rest)
  block.made[hold.id] = hold.value
  block.holds[#block.holds + 1] = hold
end

-- Events come first: of all that is written they alone could be refused, by a stream that is ahead.
local function block_events(sale, block)
  for _, hold in ipairs(block.holds) do
    event_write(sale, block.keys.events, 'hold.created', hold.id, FIVE_MEMBERS
      .. cmsgpack.pack('buyer', hold.buyer, 'seats', hold.seats, 'areas', hold.areas,
        'total', hold.total, 'expires_ms', hold.expires_ms))
  end
end

local function block_purses(block)
  local entries, told = {}, {}
  for _, hold in ipairs(block.holds) do
    local buyer = hold.buyer
    if not told[buyer] then
      told[buyer] = true
      local purse = block.purses[buyer]
      entries[#entries + 1] = buyer
      entries[#entries + 1] = buyer_entry(purse.units, purse.ids, purse.tat_ms)
    end
  end
  redis.call('HSET', block.keys.buyers, unpack(entries))
end

local function block_write(sale, block)
  local keys, values, deadlines, sessions = block.keys, {}, {}, {}
  for n, hold in ipairs(block.holds) do
    values[2 * n - 1], values[2 * n] = hold.id, hold.value
    deadlines[2 * n - 1], deadlines[2 * n] = hold.expires_ms, hold.id
    if hold.pass_id ~= '' then
      sessions[#sessions + 1] = hold.expires_ms
      sessions[#sessions + 1] = hold.pass_id
    end
    due_next(sale, hold.expires_ms)
  end
  block_events(sale, block)
  house_write(sale, block.house)
  redis.call('HSET', keys.holds, unpack(values))
  redis.call('ZADD', keys.due, unpack(deadlines))
  block_purses(block)
  if #sessions > 0 then sessions_hold(keys.active, keys.unheld, sessions) end
end
