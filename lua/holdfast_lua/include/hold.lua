-- A hold that is there: unpacked, packed again, told of.

-- include: hold_new

local function hold_pack(hold)
  return cmsgpack.pack({ hold.status, hold.version, hold.created_ms, hold.expires_ms,
    hold.latest_ms, hold.seats, hold.prices, hold.rows, hold.total, hold.areas, hold.buyer,
    hold.digest, hold.pass_id, hold.reason, hold.ledger, hold.order_ref })
end

local function hold_unpack(id, value)
  local field = cmsgpack.unpack(value)
  return { id = id, status = field[1], version = field[2], created_ms = field[3],
    expires_ms = field[4], latest_ms = field[5], seats = field[6], prices = field[7],
    rows = field[8], total = field[9], areas = field[10], buyer = field[11], digest = field[12],
    pass_id = field[13], reason = field[14], ledger = field[15], order_ref = field[16] }
end

-- Every change of a hold moves its version.
local function hold_save(holds_key, hold)
  hold.version = hold.version + 1
  hold.value = hold_pack(hold)
  redis.call('HSET', holds_key, hold.id, hold.value)
end

local function hold_event(sale, events_key, kind, hold, more)
  local data = more or {}
  data.buyer, data.seats, data.areas, data.total = hold.buyer, hold.seats, hold.areas, hold.total
  event_append(sale, events_key, kind, hold.id, data)
end
