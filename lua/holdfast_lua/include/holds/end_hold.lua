-- Ends holds: their units are free again, or booked by an order.
--
-- An ended hold's record stays for a while, or for good when the ledger knows it. One that ran out
-- is remembered for a day, since a payment for it may come late. One that was given back is
-- remembered for an hour: as long as a repeat of its request, or a payment that crossed the
-- release, may reasonably take.
--
-- How fast a buyer with a pass may end holds is limited (GCRA), by a number in the buyer's entry.
-- Each hold that ends leaves a record, and each cancellation of what never came a tombstone, for
-- the times above. So the rate at which one buyer ends holds bounds what they can fill the store
-- with. Ending is never refused: it gives seats back. It is charged, and who has ended too many
-- waits with the next hold or tombstone. Nobody who chooses seats comes near to sixty in one
-- session and one a minute after. Platforms, which buy for many, are not limited.

-- include: gcra
-- include: hold
-- include: move_seats
-- include: areas

-- The `tat` of a buyer who has ended one more.
local function charge_rate(tat_ms, now_ms)
  return math.max(tat_ms, now_ms) + CONST.END_EVERY_MS
end

-- For how long a buyer must wait; nil when they need not.
local function get_rate_wait_ms(tat_ms, now_ms)
  if tat_ms <= now_ms then return nil end
  local limited, _, wait_ms = gcra(tat_ms, now_ms, CONST.END_EVERY_MS, CONST.ENDS_AT_ONCE)
  return limited and wait_ms or nil
end

local EXPIRED_KEPT_MS, RELEASED_KEPT_MS = 24 * 60 * 60 * 1000, 60 * 60 * 1000

-- Writes a buyer's entry, which is gone when there is nothing in it.
local function save_buyer(buyers_key, buyer, units, ids, tat_ms)
  if ids == '' and tat_ms == 0 then
    redis.call('HDEL', buyers_key, buyer)
  else
    redis.call('HSET', buyers_key, buyer, format_buyer(units, ids, tat_ms))
  end
end

-- Takes units off the buyer's entry; `gone` when the hold has none left. Answers the buyer's `tat`,
-- which a hold that was made with a pass is `charged` to.
local function remove_buyer_units(sale, buyers_key, hold, count, gone, charged)
  local units, ids, tat_ms = read_buyer(buyers_key, hold.buyer)
  if gone then
    local first, last = string.find(ids, ' ' .. hold.id, 1, true)
    if first then ids = string.sub(ids, 1, first - 1) .. string.sub(ids, last + 1) end
  end
  if charged and hold.pass_id ~= '' then tat_ms = charge_rate(tat_ms, sale.now_ms) end
  save_buyer(buyers_key, hold.buyer, math.max(0, units - count), ids, tat_ms)
  return tat_ms
end

-- Forgets how fast a buyer has ended holds, once that limits nothing; see get_forget_ms.
local function forget_buyer_rate(sale, buyers_key, buyer)
  local units, ids, tat_ms = read_buyer(buyers_key, buyer)
  if tat_ms > 0 and tat_ms <= sale.now_ms then save_buyer(buyers_key, buyer, units, ids, 0) end
end

-- When the record of an ended hold is forgotten: not before its buyer's `tat` is past, so that
-- `tat` can be forgotten with the last of the buyer's records.
local function get_forget_ms(sale, status, tat_ms)
  local kept_ms = status == STATUS.EXPIRED and EXPIRED_KEPT_MS or RELEASED_KEPT_MS
  return math.max(sale.now_ms + kept_ms, tat_ms)
end

-- Frees all units of a hold that has not been confirmed and marks it as ended.
local function end_hold(sale, keys, hold, status, reason, kind)
  local rows = read_rows(keys.seats, hold.rows)
  local moved = move_seats(sale, keys.seats, keys.rows, rows, hold.seats,
    { [SEAT.HELD] = true }, SEAT.FREE)
  sale.free, sale.held = sale.free + (moved[SEAT.HELD] or 0), sale.held - (moved[SEAT.HELD] or 0)
  move_areas(sale, hold.areas, 'held', 'free')
  local tat_ms = remove_buyer_units(sale, keys.buyers, hold, count_units(hold), true, true)
  hold.status, hold.reason = status, reason
  if hold.ledger == 1 then
    redis.call('ZREM', keys.due, hold.id)
  else
    set_due(sale, keys.due, hold.id, get_forget_ms(sale, status, tat_ms))
  end
  save_hold(keys.holds, hold)
  append_hold_event(sale, keys.events, kind, hold, { reason = reason })
end

-- Marks a hold as confirmed by an order.
local function mark_booked(sale, keys, hold, order_ref)
  hold.status, hold.reason, hold.ledger, hold.order_ref = STATUS.CONFIRMED, '', 1, order_ref
  redis.call('ZREM', keys.due, hold.id)
  save_hold(keys.holds, hold)
  append_hold_event(sale, keys.events, 'order.confirmed', hold, { order_ref = order_ref })
end

-- Books the units of a hold that has them.
local function book_units(sale, keys, hold, order_ref)
  local rows = read_rows(keys.seats, hold.rows)
  local moved = move_seats(sale, keys.seats, keys.rows, rows, hold.seats,
    { [SEAT.HELD] = true }, SEAT.BOOKED)
  local count = moved[SEAT.HELD] or 0
  sale.held, sale.booked = sale.held - count, sale.booked + count
  move_areas(sale, hold.areas, 'held', 'booked')
  mark_booked(sale, keys, hold, order_ref)
end
