-- What a hold of seats needs rarely: refusals, repeats, named seats and areas, the rungs after the
-- first. A lazy part of hold_seats.lua; it answers a table of functions.

-- include: sweep_holds
-- include: named_seats
-- include: fallbacks
-- include: hold

-- Which of the seats that are not free are in holds and orders of the same buyer.
local function find_own_seats(batch, buyer, conflicts)
  local mine, own = {}, {}
  if #conflicts == 0 then return own end
  for id in string.gmatch(batch.buyer_units[buyer].ids, '%S+') do
    local value = batch.made[id] or redis.call('HGET', batch.keys.holds, id)
    local hold = value and unpack_hold(id, value)
    for _, seat in ipairs(hold and hold.seats or {}) do mine[seat] = true end
  end
  for _, seat in ipairs(conflicts) do
    if mine[seat] then own[#own + 1] = seat end
  end
  return own
end

-- Answers a request whose id is stored: for the same request, another one, or a cancellation that
-- came first.
local function answer_repeat(opened, hold, found)
  local known = unpack_hold('', found)
  if known.digest == hold.digest then return refuse(opened, CODE.HOLD_REPEATED, found) end
  if known.digest ~= '' then return refuse(opened, CODE.IDEMPOTENCY_MISMATCH) end
  if known.status == STATUS.RELEASED then return refuse(opened, CODE.HOLD_RELEASED, found) end
  -- A rebuild has restored it from the ledger, which does not keep the request: the id alone is
  -- compared.
  return refuse(opened, CODE.HOLD_REPEATED, found)
end

local function refuse_hold(opened, code, seats, areas, own)
  if opened.free + opened.held == 0 then code = CODE.SOLD_OUT end
  if has_overdue(opened) then code = CODE.SWEEP_AGAIN end
  return refuse(opened, code, explain_refusal(nil, seats, areas, own))
end

-- Refuses a hold to a buyer who has ended too many lately.
local function check_rate(opened, tat_ms)
  local wait_ms = get_rate_wait_ms(tat_ms, opened.now_ms)
  return wait_ms and refuse(opened, CODE.TOO_MANY_ENDED, explain_refusal(nil, nil, nil, nil, wait_ms))
end

-- Why what is named cannot be had: seats that are set aside or not free, areas too full.
local function check_named(opened, batch, hold)
  local cache = batch.cache
  local why = { withheld = {}, conflicts = {}, alone = {} }
  if hold.named then why, hold.changes = check_seats(opened, cache, hold.named, hold) end
  local short = find_short_areas(opened, hold.areas)
  local barred = find_barred_areas(opened, hold.areas, hold.opened)
  if #why.withheld > 0 or #barred > 0 then
    return refuse(opened, CODE.CHANNEL_REQUIRED, explain_refusal(nil, why.withheld, barred))
  end
  if #why.conflicts > 0 or #short > 0 then
    local own = find_own_seats(batch, hold.buyer, why.conflicts)
    return refuse_hold(opened, CODE.SEAT_UNAVAILABLE, why.conflicts, short, own)
  end
  if #why.alone > 0 and NAMED.refuse_orphans(hold.named) then
    return refuse_hold(opened, CODE.ORPHAN_LEFT, why.alone)
  end
  return nil
end

-- Refuses a choice among classes of which one is not open to this buyer.
local function check_choice(opened, hold)
  local levels, choice, bases = opened.levels, hold.choice, {}
  for at = 1, #choice.kinds do bases[byte(choice.kinds, at) * levels] = true end
  for at = 1, #choice.first_rung do
    local one = byte(choice.first_rung, at)
    bases[one - one % levels] = true
  end
  for base in pairs(bases) do
    if is_barred(opened, hold.opened, base) then
      return refuse(opened, CODE.CHANNEL_REQUIRED, explain_refusal())
    end
  end
  return nil
end

-- Holds the named seats and areas, counts their units and adds the prices of the areas.
local function take_named(opened, cache, hold)
  local areas = hold.areas
  if hold.changes then take_checked(cache, hold.changes) end
  move_areas(opened, areas, 'free', 'held')
  for at = 1, #areas, AREA.count do
    hold.total = hold.total + AREA.quantity(areas, at) * AREA.price(areas, at)
  end
end

return { answer_repeat = answer_repeat, refuse_hold = refuse_hold, check_rate = check_rate,
  check_named = check_named, check_choice = check_choice, take_named = take_named,
  pick_fallback = pick_fallback, sweep_holds = sweep_holds, has_changed = has_changed }
