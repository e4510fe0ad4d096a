-- Picks and holds seats and area units for the buyers of one call, in the order of their requests;
-- each hold is all or nothing.
--
-- Atomic, because between picking and holding nobody else may pick the same; limit, deadline, event
-- and the answer to a repeat belong to the same step. A hold's id stands for its request: a repeat
-- under it finds the hold, so no separate idempotency record is needed. Overdue holds, a bounded
-- number of them, are freed first; a pick that fails while more are overdue answers SWEEP_AGAIN.
--
-- The holds of one tick come as one call, since opening the sale, reading a row and committing cost
-- more than a hold does. All are decided in memory, in order, each seeing what those before it
-- took; then all is written. What could raise comes before the first write, so the store never has
-- a part of a batch, whatever dies, and a caller who lost the answer repeats the request.
--
-- KEYS: sale events seats rows holds buyers due layout active unheld started
-- ARGV: epoch revision
--   holds...  three for each hold: its terms, the fields of its record that the request brings, and
--             the seats that it asks for; see pack_request in calls/hold_terms.py
-- joins: 64
--
-- Returns {{REPLY, HOLD_REPLY}, ...}, or {REPLY, HOLD_REFUSAL} in place of one, for each hold in order
--   OK                    the new hold; where it is the first of its session, `choosing_ms` is how
--                         long after the admission it came
--   HOLD_REPEATED         the hold that this id has already
--   IDEMPOTENCY_MISMATCH  the id was used with another request
--   HOLD_RELEASED         the id was cancelled before it came
--   HOLDS_NOT_OPEN, HOLDS_CLOSED, PASS_ENDED, HOLD_LIMIT
--   CHANNEL_REQUIRED      `seats` and `areas` that are set aside and not open to this buyer; neither
--                         for a choice among such classes
--   TOO_MANY_ENDED        `wait_ms` until the buyer may hold again, see include/holds/end_hold.lua
--   SEAT_UNAVAILABLE      `seats` and `areas` that are not free; `own` seats that the buyer has
--   ORPHAN_LEFT           `seats` beside the single seat
--   NOT_ENOUGH_TOGETHER, SOLD_OUT, SWEEP_AGAIN
-- or, when the guard refuses, one answer for all.
-- Complexity: O(row segments) bytes by memchr for each hold, plus the seats of the rows touched.
-- Events: hold.created {buyer, seats, areas, total, expires_ms}; hold.expired, inventory.* by sweep.
--
-- What a plain hold does not need is in the lazy part `rare_paths`: in a quiet minute every hold
-- comes alone, and pays for every closure that is made.

-- include: hold_request
-- include: pick
-- include: hold_batch
-- lazy: rare_paths

local SWEEP_BATCH_MAX = 256
local keys = { KEYS.members }

local sale, refusal = open_inventory({ 'free', 'held', 'next_due_ms', 'levels', 'lifecycle',
  'opens_ms', 'ends_ms', 'first_holds' })
if refusal then return refusal end
local now_ms = sale.now_ms

-- Why a hold is refused before the seats are looked at; nil when it is not. Sweeps nothing.
local function check_early(hold, stored, deadline_ms)
  if stored then return rare_paths().answer_repeat(sale, hold, stored) end
  if sale.lifecycle == 'closed' or (sale.ends_ms > 0 and sale.ends_ms <= now_ms) then
    return refuse(sale, CODE.HOLDS_CLOSED)
  end
  if sale.opens_ms > now_ms then return refuse(sale, CODE.HOLDS_NOT_OPEN) end
  if hold.pass_id ~= '' and not (deadline_ms and tonumber(deadline_ms) > now_ms) then
    return refuse(sale, CODE.PASS_ENDED)
  end
  return nil
end

-- Decides one hold; those before it in the call are decided.
local function decide(batch, hold)
  local before, choice, cache = batch.made[hold.id], hold.choice, batch.cache
  if before then return rare_paths().answer_repeat(sale, hold, before) end
  local named = hold.named or #hold.areas > 0
  local tat_ms = batch.buyer_units[hold.buyer].tat_ms
  local why = tat_ms > now_ms and hold.pass_id ~= '' and rare_paths().check_rate(sale, tat_ms)
    or named and rare_paths().check_named(sale, batch, hold)
    or (choice and sale.apart ~= '' and rare_paths().check_choice(sale, hold))
  if why then return why end
  local units = count_units(hold) + (choice and choice.quantity or 0)
  if hold.limit > 0 and batch.buyer_units[hold.buyer].units + units > hold.limit then
    return rare_paths().refuse_hold(sale, CODE.HOLD_LIMIT)
  end
  if choice then
    choice.seed = hold.seed
    why = not pick_first_rung(cache, choice, hold)
      and rare_paths().pick_fallback(sale, cache, choice, hold)
    if why then return rare_paths().refuse_hold(sale, why) end
  end
  if named then rare_paths().take_named(sale, cache, hold) end
  return answer(sale, CODE.OK, add_hold(sale, batch, hold, units))
end

-- Refuses what can be refused early; answers the holds left, and their positions in the call.
local function refuse_early(holds, answers)
  local stored, deadlines = read_known(keys, holds)
  local left, at = {}, {}
  for n, hold in ipairs(holds) do
    answers[n] = check_early(hold, stored[n], deadlines[n])
    if not answers[n] then left[#left + 1], at[#at + 1] = hold, n end
  end
  return left, at
end

local holds, answers = unpack_requests(sale, ARGV, ARGV_AT.holds), {}
local open, positions = refuse_early(holds, answers)
if #open == 0 then return answers end
local overdue = has_overdue(sale)
local sweep_max = math.min(CONST.SWEEP_BEFORE_MAX * #open, SWEEP_BATCH_MAX)
if has_overdue(sale) then rare_paths().sweep_holds(sale, keys, sweep_max) end
-- A sweep has changed holds that have been read: requests are checked against them again.
if overdue then open, positions = refuse_early(holds, answers) end

local batch = open_batch(sale, keys, open)
for n, hold in ipairs(open) do answers[positions[n]] = decide(batch, hold) end
if #batch.holds > 0 then write_batch(sale, batch) end
for n, hold in ipairs(open) do
  if hold.choosing_ms then answers[positions[n]][REPLY.count + HOLD_REPLY.choosing_ms] = hold.choosing_ms end
end
if #batch.holds > 0 or (overdue and rare_paths().has_changed(sale)) then
  commit_inventory(sale, keys.events, CODE.OK)
  for _, said in ipairs(answers) do said[REPLY.revision] = sale.revision end
end
return answers
