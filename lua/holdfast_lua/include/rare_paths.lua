-- What a hold of seats needs only now and then: refusals, repeats, named seats and areas, the rungs
-- after the first. A lazy part of hold_seats.lua; it answers a table of functions.

-- include: sweep
-- include: own
-- include: refuse
-- include: explicit
-- include: ladder

-- The id is taken: by the same request, by another one, or by a cancellation that came first.
local function repeated(opened, hold, found)
  local known = hold_unpack('', found)
  if known.digest == hold.digest then return guard_refuse(opened, CODE.HOLD_REPEATED, found) end
  if known.digest ~= '' then return guard_refuse(opened, CODE.IDEMPOTENCY_MISMATCH) end
  if known.status == RELEASED then return guard_refuse(opened, CODE.HOLD_RELEASED, found) end
  -- The ledger brought it back after a loss, without what had been asked: its id is all there is.
  return guard_refuse(opened, CODE.HOLD_REPEATED, found)
end

local function refused(opened, code, seats, areas, own)
  if opened.free + opened.held == 0 then code = CODE.SOLD_OUT end
  if stock_overdue(opened) then code = CODE.SWEEP_AGAIN end
  return guard_refuse(opened, code, '', seats or {}, areas or {}, own or {})
end

-- Who has ended too many holds of late waits with the next.
local function refused_rate(opened, tat_ms)
  local wait_ms = rate_wait_ms(tat_ms, opened.now_ms)
  return wait_ms and guard_refuse(opened, CODE.TOO_MANY_ENDED, '', {}, {}, {}, wait_ms)
end

-- Why what is named cannot be had: seats that are set aside or not free, areas too full.
local function refused_named(opened, block, hold)
  local house = block.house
  local why = { withheld = {}, conflicts = {}, alone = {} }
  if hold.list then why, hold.changes = explicit_find(opened, house, hold.list, hold) end
  local short = stock_areas_short(opened, hold.areas)
  local barred = stock_areas_barred(opened, hold.areas, hold.opened)
  if #why.withheld > 0 or #barred > 0 then
    return guard_refuse(opened, CODE.CHANNEL_REQUIRED, '', why.withheld, barred)
  end
  if #why.conflicts > 0 or #short > 0 then
    local own = own_seats(block, hold.buyer, why.conflicts)
    return refused(opened, CODE.SEAT_UNAVAILABLE, why.conflicts, short, own)
  end
  if #why.alone > 0 and hold.no_orphans then return refused(opened, CODE.ORPHAN_LEFT, why.alone) end
  return nil
end

-- A choice among classes one of which is not this buyer's is refused as it stands.
local function refused_choice(opened, hold)
  local levels, choice, bases = opened.levels, hold.choice, {}
  for at = 1, #choice.kinds do bases[byte(choice.kinds, at) * levels] = true end
  for at = 1, #choice.first_rung do
    local one = byte(choice.first_rung, at)
    bases[one - one % levels] = true
  end
  for base in pairs(bases) do
    if apart_barred(opened, hold.opened, base) then
      return guard_refuse(opened, CODE.CHANNEL_REQUIRED, '', {}, {})
    end
  end
  return nil
end

-- Takes what was named, counts its units and what the areas cost.
local function take_named(opened, house, hold)
  local areas = hold.areas
  if hold.changes then explicit_take(house, hold.changes) end
  stock_areas_move(opened, areas, 'free', 'held')
  for at = 1, #areas, 3 do hold.total = hold.total + areas[at + 1] * areas[at + 2] end
end

return { repeated = repeated, refused = refused, refused_rate = refused_rate,
  refused_named = refused_named, refused_choice = refused_choice, take_named = take_named, ladder = ladder, sweep = sweep,
  changed = stock_changed }
