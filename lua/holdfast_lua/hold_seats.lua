-- Picks and holds seats and area units for one buyer, all or nothing.
--
-- Atomic, because between picking and holding nobody else may pick the same; limit, deadline, event
-- and the answer to a repeat belong to the same step. The hold's id stands for the request: a repeat
-- under it finds the hold, so no separate idempotency record is needed. Overdue holds, a bounded
-- number of them, are freed first; a pick that fails while more are overdue says so.
--
-- KEYS
--   1 sale     HASH    guard, lifecycle, counters
--   2 events   STREAM  gains hold.created
--   3 seats    STRING  one byte a seat
--   4 rows     STRING  one byte a row block
--   5 holds    HASH    gains the hold
--   6 buyers   HASH    units and hold ids by buyer
--   7 due      ZSET    gains the deadline
--   8 layout   STRING  records of the row blocks
--   9 active   ZSET    sessions; the buyer's is extended
--   10 unheld   ZSET    the buyer's pass is removed
-- ARGV
--   1 epoch       integer
--   2 revision    integer
--   3 hold_id     text, derived from the idempotency key
--   4 buyer       text
--   5 pass_id     text, empty when a platform key asks
--   6 rest        what is known of the packed hold: its fields from `areas` on, see hold_rest
--   7 terms       struct: hold_ms, hold_max_ms, seed, limit, quantity, levels, flags: 1 the first
--                 rung may leave a single seat alone, 2 explicit seats may not, 4 there are areas
--   8 explicit    msgpack list of seats by row block, see include/explicit.lua; empty for none
--   9 first_rung  row bytes that serve at once; this and the next three are SeatChoice
--   10 kinds       bytes, the classes wanted
--   11 prices      doubles by class
--   12 places      msgpack { position, ... }, empty for all
--
-- Returns {code, revision, now_ms, hold, seats, areas}
--   OK                    the new hold
--   HOLD_REPEATED         the hold that this id has already
--   IDEMPOTENCY_MISMATCH  the id was used with another request
--   HOLD_RELEASED         the id was cancelled before it came
--   HOLDS_NOT_OPEN, HOLDS_CLOSED, PASS_ENDED, HOLD_LIMIT
--   SEAT_UNAVAILABLE      `seats` and `areas` that are not free
--   ORPHAN_LEFT           `seats` beside the single seat
--   NOT_ENOUGH_TOGETHER, SOLD_OUT, SWEEP_AGAIN
-- Complexity: O(row blocks) bytes by memchr, plus the seats of the rows touched.
-- Events: hold.created {buyer, seats, areas, total, expires_ms}; hold.expired, inventory.* by sweep.
--
-- What a plain hold does not need is defined in `seldom`, when it is needed: making a closure costs
-- as much as a small command, in every call, and this is the script that is run most.

-- include: picked
-- include: hold_new

local SWEEP_BEFORE_MAX = 16

local function seldom()
-- include: sweep
-- include: refuse
-- include: explicit
-- include: ladder
-- include: session

  -- The id is taken: by the same request, by another one, or by a cancellation that came first.
  local function repeated(opened, found, packed)
    local _, _, digest = cmsgpack.unpack(packed)
    local known = hold_unpack('', found)
    if known.digest == digest then return guard_refuse(opened, CODE.HOLD_REPEATED, found) end
    if known.digest == '' then return guard_refuse(opened, CODE.HOLD_RELEASED, found) end
    return guard_refuse(opened, CODE.IDEMPOTENCY_MISMATCH)
  end

  local function refuse(opened, events_key, code, seats, short)
    if opened.free + opened.held == 0 then code = CODE.SOLD_OUT end
    if stock_overdue(opened) then code = CODE.SWEEP_AGAIN end
    return stock_refuse(opened, events_key, code, '', seats or {}, short or {})
  end

  return { repeated = repeated, refuse = refuse, sweep = sweep, explicit = explicit_take,
    ladder = ladder, areas_short = stock_areas_short, areas_move = stock_areas_move,
    session_deadline = session_deadline, session_extend = session_extend,
    session_first_hold = session_first_hold }
end

local hold_id, buyer, pass_id, rest = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local keys = stock_keys()
keys.layout = KEYS[8]

local sale, refusal = stock_open({ 'free', 'held', 'next_due_ms', 'lifecycle', 'opens_ms',
  'ends_ms' })
if refusal then return refusal end
local now_ms = sale.now_ms

-- Refusals before anything is written.
local stored = redis.call('HGET', keys.holds, hold_id)
if stored then return seldom().repeated(sale, stored, rest) end
if sale.lifecycle == 'closed' or (sale.ends_ms > 0 and sale.ends_ms <= now_ms) then
  return guard_refuse(sale, CODE.HOLDS_CLOSED)
end
if sale.opens_ms > now_ms then return guard_refuse(sale, CODE.HOLDS_NOT_OPEN) end
local hold_ms, hold_max_ms, seed, limit, quantity, levels, flags =
  struct.unpack('>I4I4I4I2I2BB', ARGV[7])
local with_areas = flags >= 4
sale.levels = levels
local cold
if pass_id ~= '' or with_areas or ARGV[8] ~= '' or stock_overdue(sale) then cold = seldom() end
if pass_id ~= '' and not cold.session_deadline(KEYS[9], pass_id, now_ms) then
  return guard_refuse(sale, CODE.PASS_ENDED)
end
if stock_overdue(sale) then cold.sweep(sale, keys, SWEEP_BEFORE_MAX) end

-- What the rows would look like; nothing is written yet.
local hold = { seats = {}, prices = {}, total = 0, touched = {} }
local units, areas = quantity, {}
if with_areas or ARGV[8] ~= '' then
  local conflicts, alone, short = {}, {}, {}
  if ARGV[8] ~= '' then
    conflicts, alone = cold.explicit(keys, cmsgpack.unpack(ARGV[8]), hold)
    units = #hold.seats
  end
  if with_areas then
    areas = cmsgpack.unpack(rest)
    short = cold.areas_short(sale, areas)
  end
  if #conflicts > 0 or #short > 0 then
    return cold.refuse(sale, keys.events, CODE.SEAT_UNAVAILABLE, conflicts, short)
  end
  if #alone > 0 and flags % 4 >= 2 then
    return cold.refuse(sale, keys.events, CODE.ORPHAN_LEFT, alone)
  end
  for at = 1, #areas, 3 do
    units = units + areas[at + 1]
    hold.total = hold.total + areas[at + 1] * areas[at + 2]
  end
end
local had, ids = buyer_units(keys.buyers, buyer)
if limit > 0 and had + units > limit then
  return (cold or seldom()).refuse(sale, keys.events, CODE.HOLD_LIMIT)
end
if quantity > 0 then
  local choice = { quantity = quantity, seed = seed, first_rung = ARGV[9], kinds = ARGV[10],
    prices = ARGV[11], orphans = flags % 2 == 1,
    places = ARGV[12] ~= '' and cmsgpack.unpack(ARGV[12]) or nil }
  local served, row_bytes = picked(levels, keys, choice, hold)
  if not served then
    cold = cold or seldom()
    local why = cold.ladder(sale, keys, choice, row_bytes, hold)
    if why then return cold.refuse(sale, keys.events, why) end
  end
end

-- From here on everything succeeds.
picked_write(sale, keys, hold)
local count, expires_ms = #hold.seats, now_ms + hold_ms
sale.free, sale.held = sale.free - count, sale.held + count
if with_areas then cold.areas_move(sale, areas, 'free', 'held') end
local value = hold_pack_new(now_ms, expires_ms, now_ms + hold_max_ms, hold, rest)
redis.call('HSET', keys.holds, hold_id, value)
due_set(sale, keys.due, hold_id, expires_ms)
buyer_add(keys.buyers, buyer, had, ids, hold_id, units)
if pass_id ~= '' then
  cold.session_extend(KEYS[9], pass_id, expires_ms)
  cold.session_first_hold(KEYS[10], pass_id)
end
event_append(sale, keys.events, 'hold.created', hold_id, { buyer = buyer, seats = hold.seats,
  areas = areas, total = hold.total, expires_ms = expires_ms })
return stock_commit(sale, keys.events, CODE.OK, value)
