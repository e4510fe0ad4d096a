-- A late payment: a hold that has lapsed takes units again and goes straight to confirming.

-- include: sweep
-- include: refuse

local REACQUIRE_SWEEP_MAX = 16

-- active, paying or lapsed -> confirming: time has no hold on it any more, and the ledger knows it.
local function hold_confirming(keys, hold)
  hold.status, hold.reason, hold.ledger = CONFIRMING, '', 1
  redis.call('ZREM', keys.due, hold.id)
  hold_save(keys.holds, hold)
end

-- Why a lapsed hold may not take anything, nil when it may. Frees what is overdue first. The end of
-- the sale's time is no reason: whoever pays late began before it.
local function reacquire_refusal(sale, keys, hold, limit)
  if sale.lifecycle == 'closed' then return CODE.HOLDS_CLOSED end
  sweep(sale, keys, REACQUIRE_SWEEP_MAX)
  local units = buyer_units(keys.buyers, hold.buyer)
  if limit > 0 and units + hold_units(hold) > limit then return CODE.HOLD_LIMIT end
  return nil
end

-- Answers a refusal; what was swept or ended on the way is kept.
local function reacquire_refuse(sale, keys, hold, code, seats, areas)
  if seats and stock_overdue(sale) then code = CODE.SWEEP_AGAIN end
  return stock_refuse(sale, keys.events, code, hold_pack(hold), seats or {}, areas or {})
end

-- The units have been marked as held: counts them and confirms.
local function reacquire(sale, keys, hold)
  sale.free, sale.held = sale.free - #hold.seats, sale.held + #hold.seats
  stock_areas_move(sale, hold.areas, 'free', 'held')
  buyer_add(keys.buyers, hold.buyer, hold.id, hold_units(hold))
  hold_confirming(keys, hold)
  hold_event(sale, keys.events, 'hold.reacquired', hold)
end
