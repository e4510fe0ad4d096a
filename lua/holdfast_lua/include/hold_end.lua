-- The end of a hold that has not been confirmed: its units are free, its record stays for a while, or
-- for good when the ledger knows it.
--
-- A hold that ran out is remembered for a day, since a payment for it may come late. One that was given
-- back is remembered for an hour: as long as a repeat of its request, or a payment that crossed the
-- release, may reasonably take.

-- include: hold_change
-- include: hold_rate
-- include: rows_move
-- include: areas

local EXPIRED_KEPT_MS, RELEASED_KEPT_MS = 24 * 60 * 60 * 1000, 60 * 60 * 1000

-- Writes a buyer's entry, which is gone when there is nothing in it.
local function buyer_save(buyers_key, buyer, units, ids, tat_ms)
  if ids == '' and tat_ms == 0 then
    redis.call('HDEL', buyers_key, buyer)
  else
    redis.call('HSET', buyers_key, buyer, buyer_entry(units, ids, tat_ms))
  end
end

-- Takes units off the buyer; `gone` when the hold has none left. Answers the buyer's `tat`, which a
-- hold that was made with a pass is `charged` to.
local function buyer_remove(sale, buyers_key, hold, count, gone, charged)
  local units, ids, tat_ms = buyer_units(buyers_key, hold.buyer)
  if gone then
    local first, last = string.find(ids, ' ' .. hold.id, 1, true)
    if first then ids = string.sub(ids, 1, first - 1) .. string.sub(ids, last + 1) end
  end
  if charged and hold.pass_id ~= '' then tat_ms = rate_charged(tat_ms, sale.now_ms) end
  buyer_save(buyers_key, hold.buyer, math.max(0, units - count), ids, tat_ms)
  return tat_ms
end

-- Forgets how fast a buyer was, once that does not matter any more; see hold_forget_at.
local function buyer_forget(sale, buyers_key, buyer)
  local units, ids, tat_ms = buyer_units(buyers_key, buyer)
  if tat_ms > 0 and tat_ms <= sale.now_ms then buyer_save(buyers_key, buyer, units, ids, 0) end
end

-- When the record of an ended hold goes: not before its buyer's `tat` is past, so that whoever forgets
-- the last of their records finds that nothing of it needs to be kept.
local function hold_forget_at(sale, status, tat_ms)
  local kept_ms = status == EXPIRED and EXPIRED_KEPT_MS or RELEASED_KEPT_MS
  return math.max(sale.now_ms + kept_ms, tat_ms)
end

-- Frees all units of a hold that has not been confirmed and marks it as ended.
local function hold_end(sale, keys, hold, status, reason, kind)
  local rows = rows_of(keys.seats, hold.rows)
  local moved = rows_move(sale, keys.seats, keys.rows, rows, hold.seats, { h = true }, 'f')
  sale.free, sale.held = sale.free + (moved.h or 0), sale.held - (moved.h or 0)
  stock_areas_move(sale, hold.areas, 'held', 'free')
  local tat_ms = buyer_remove(sale, keys.buyers, hold, hold_units(hold), true, true)
  hold.status, hold.reason = status, reason
  if hold.ledger == 1 then
    redis.call('ZREM', keys.due, hold.id)
  else
    due_set(sale, keys.due, hold.id, hold_forget_at(sale, status, tat_ms))
  end
  hold_save(keys.holds, hold)
  hold_event(sale, keys.events, kind, hold, { reason = reason })
end
