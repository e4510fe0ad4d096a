-- Takes units again for a hold that had lapsed when its payment came, and makes it confirming.

-- include: sweep_holds

local REACQUIRE_SWEEP_MAX = 16

-- active, paying or lapsed -> confirming, which has no deadline; the ledger knows the hold.
local function mark_confirming(keys, hold)
  hold.status, hold.reason, hold.ledger = STATUS.CONFIRMING, '', 1
  redis.call('ZREM', keys.due, hold.id)
  save_hold(keys.holds, hold)
end

-- Why a lapsed hold may not take anything, nil when it may. Frees what is overdue first. The end of
-- the sale's time is no reason: whoever pays late began before it.
local function check_reacquire(sale, keys, hold, limit)
  if sale.lifecycle == 'closed' then return CODE.HOLDS_CLOSED end
  sweep_holds(sale, keys, REACQUIRE_SWEEP_MAX)
  local units = read_buyer(keys.buyers, hold.buyer)
  if limit > 0 and units + count_units(hold) > limit then return CODE.HOLD_LIMIT end
  return nil
end

-- Answers a refusal, and commits what was swept or ended before it.
local function refuse_reacquire(sale, keys, hold, code, seats, areas)
  if seats and has_overdue(sale) then code = CODE.SWEEP_AGAIN end
  return refuse_after_sweep(sale, keys.events, code, explain_refusal(pack_hold(hold), seats, areas))
end

-- The units have been marked as held: counts them and confirms.
local function reacquire_units(sale, keys, hold)
  sale.free, sale.held = sale.free - #hold.seats, sale.held + #hold.seats
  move_areas(sale, hold.areas, 'free', 'held')
  add_buyer_units(keys.buyers, hold.buyer, hold.id, count_units(hold))
  mark_confirming(keys, hold)
  append_hold_event(sale, keys.events, 'hold.reacquired', hold)
end
