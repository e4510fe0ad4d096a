-- Picks and holds seats and area units for buyers; each hold is all or nothing, and none knows of
-- the others but that they come one after another.
--
-- Atomic, because between picking and holding nobody else may pick the same; limit, deadline, event
-- and the answer to a repeat belong to the same step. A hold's id stands for its request: a repeat
-- under it finds the hold, so no separate idempotency record is needed. Overdue holds, a bounded
-- number of them, are freed first; a pick that fails while more are overdue says so.
--
-- The holds of one tick come as one call, since opening the sale, reading a row and committing cost
-- more than a hold does. All are decided in memory, in order, each seeing what those before it took;
-- then all is written. What could raise comes before the first write, so there is no half a block:
-- the store never has some of it, whatever dies, and who lost the answer asks again by the id.
--
-- KEYS
--   1 sale     HASH    guard, lifecycle, counters
--   2 events   STREAM  gains hold.created
--   3 seats    STRING  one byte a seat
--   4 rows     STRING  one byte a row block
--   5 holds    HASH    gains the holds
--   6 buyers   HASH    units and hold ids by buyer
--   7 due      ZSET    gains the deadlines
--   8 layout   STRING  records of the row blocks
--   9 active   ZSET    sessions; the buyers' are extended
--   10 unheld   ZSET    the buyers' passes are removed
-- ARGV
--   1 epoch     integer
--   2 revision  integer
--   3 holds...  three for each hold: its terms, what is known of its packed form (fields from `areas`
--               on), its choice or its seats; see include/asked.lua
-- joins: 64
--
-- Returns {{code, revision, now_ms, hold, seats, areas, own, wait_ms}, ...}, one for each hold, in order
--   OK                    the new hold
--   HOLD_REPEATED         the hold that this id has already
--   IDEMPOTENCY_MISMATCH  the id was used with another request
--   HOLD_RELEASED         the id was cancelled before it came
--   HOLDS_NOT_OPEN, HOLDS_CLOSED, PASS_ENDED, HOLD_LIMIT
--   CHANNEL_REQUIRED      `seats` and `areas` that are set aside and not open to this buyer; neither
--                         for a choice among such classes
--   TOO_MANY_ENDED        `wait_ms` until the buyer may hold again, see include/hold_rate.lua
--   SEAT_UNAVAILABLE      `seats` and `areas` that are not free; `own` seats that the buyer has
--   ORPHAN_LEFT           `seats` beside the single seat
--   NOT_ENOUGH_TOGETHER, SOLD_OUT, SWEEP_AGAIN
-- or, when the guard refuses, one answer for all.
-- Complexity: O(row blocks) bytes by memchr for each hold, plus the seats of the rows touched.
-- Events: hold.created {buyer, seats, areas, total, expires_ms}; hold.expired, inventory.* by sweep.
--
-- What a plain hold does not need is defined in `seldom`, when it is needed: making a closure costs as
-- much as a small command, and in a quiet minute every hold comes alone.

-- include: asked
-- include: picked
-- include: hold_block

local SWEEP_BEFORE_MAX, SWEEP_BLOCK_MAX = 16, 256

local function seldom()
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
end

local keys = stock_keys()
keys.layout, keys.active, keys.unheld = KEYS[8], KEYS[9], KEYS[10]

local sale, refusal = stock_open({ 'free', 'held', 'next_due_ms', 'levels', 'lifecycle', 'opens_ms',
  'ends_ms' })
if refusal then return refusal end
local now_ms = sale.now_ms

local known
local function rare()
  known = known or seldom()
  return known
end

-- Refusals for which nothing of the stock is looked at, and which sweep nothing.
local function refused_early(hold, stored, deadline_ms)
  if stored then return rare().repeated(sale, hold, stored) end
  if sale.lifecycle == 'closed' or (sale.ends_ms > 0 and sale.ends_ms <= now_ms) then
    return guard_refuse(sale, CODE.HOLDS_CLOSED)
  end
  if sale.opens_ms > now_ms then return guard_refuse(sale, CODE.HOLDS_NOT_OPEN) end
  if hold.pass_id ~= '' and not (deadline_ms and tonumber(deadline_ms) > now_ms) then
    return guard_refuse(sale, CODE.PASS_ENDED)
  end
  return nil
end

-- Decides one hold, after those before it.
local function decide(block, hold)
  local before, choice, house = block.made[hold.id], hold.choice, block.house
  if before then return rare().repeated(sale, hold, before) end
  local named = hold.list or #hold.areas > 0
  local tat_ms = block.purses[hold.buyer].tat_ms
  local why = tat_ms > now_ms and hold.pass_id ~= '' and rare().refused_rate(sale, tat_ms)
    or named and rare().refused_named(sale, block, hold)
    or (choice and sale.apart ~= '' and rare().refused_choice(sale, hold))
  if why then return why end
  local units = hold_units(hold) + (choice and choice.quantity or 0)
  if hold.limit > 0 and block.purses[hold.buyer].units + units > hold.limit then
    return rare().refused(sale, CODE.HOLD_LIMIT)
  end
  if choice then
    choice.seed = hold.seed
    why = not picked(house, choice, hold) and rare().ladder(sale, house, choice, hold)
    if why then return rare().refused(sale, why) end
  end
  if named then rare().take_named(sale, house, hold) end
  block_add(sale, block, hold, units)
  return guard_refuse(sale, CODE.OK, hold.value)
end

-- Refuses what can be refused early; answers who is left, and their places in the block.
local function judge(holds, answers)
  local stored, deadlines = block_known(keys, holds)
  local asking, places = {}, {}
  for n, hold in ipairs(holds) do
    answers[n] = refused_early(hold, stored[n], deadlines[n])
    if not answers[n] then asking[#asking + 1], places[#places + 1] = hold, n end
  end
  return asking, places
end

local holds, answers = asked_holds(ARGV, 3), {}
local asking, places = judge(holds, answers)
if #asking == 0 then return answers end
local overdue = stock_overdue(sale)
local sweep_max = math.min(SWEEP_BEFORE_MAX * #asking, SWEEP_BLOCK_MAX)
if stock_overdue(sale) then rare().sweep(sale, keys, sweep_max) end
if overdue then asking, places = judge(holds, answers) end  -- what was swept is another hold now

local block = block_open(sale, keys, asking)
for n, hold in ipairs(asking) do answers[places[n]] = decide(block, hold) end
if #block.holds > 0 then block_write(sale, block) end
if #block.holds > 0 or (overdue and rare().changed(sale)) then
  stock_commit(sale, keys.events, CODE.OK)
  for _, said in ipairs(answers) do said[2] = sale.revision end
end
return answers
