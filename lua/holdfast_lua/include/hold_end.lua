-- The end of a hold that has not been confirmed: its units are free, its record stays for a day, or
-- for good when the ledger knows it.

-- include: hold_change
-- include: rows_move
-- include: areas

-- Takes units off the buyer; `gone` when the hold has none left.
local function buyer_remove(buyers_key, hold, count, gone)
  local units, ids = buyer_units(buyers_key, hold.buyer)
  if gone then
    local first, last = string.find(ids, ' ' .. hold.id, 1, true)
    if first then ids = string.sub(ids, 1, first - 1) .. string.sub(ids, last + 1) end
  end
  if ids == '' then
    redis.call('HDEL', buyers_key, hold.buyer)
  else
    redis.call('HSET', buyers_key, hold.buyer, buyer_entry(math.max(0, units - count), ids))
  end
end

-- Frees all units of a hold that has not been confirmed and marks it as ended.
local function hold_end(sale, keys, hold, status, reason, kind)
  local rows = rows_of(keys.seats, hold.rows)
  local moved = rows_move(sale, keys.seats, keys.rows, rows, hold.seats, { h = true }, 'f')
  sale.free, sale.held = sale.free + (moved.h or 0), sale.held - (moved.h or 0)
  stock_areas_move(sale, hold.areas, 'held', 'free')
  buyer_remove(keys.buyers, hold, hold_units(hold), true)
  hold.status, hold.reason = status, reason
  if hold.ledger == 1 then
    redis.call('ZREM', keys.due, hold.id)
  else
    due_set(sale, keys.due, hold.id, sale.now_ms + HOLD_KEPT_MS)
  end
  hold_save(keys.holds, hold)
  hold_event(sale, keys.events, kind, hold, { reason = reason })
end
