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
--   7 terms       struct: hold_ms, hold_max_ms, seed, limit, quantity, flags (TERMS below)
--   8 explicit    msgpack list of seats by row block, see include/explicit.lua; empty for none
--   9 first_rung  row bytes that serve at once; this and the next three are SeatChoice
--   10 kinds       bytes, the classes wanted
--   11 prices      doubles by class
--   12 places      msgpack { position, ... }, empty for all
--   13 area_field...  fields of the sale hash for the areas
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
-- Functions that are seldom needed are defined where they are: making a closure costs as much as a
-- small command, in every call.

-- include: areas
-- include: hold
-- include: picked

local SWEEP_BEFORE_MAX = 16
local TERMS = '>I4I4I4I2I2B'
local MAY_LEAVE_ORPHANS, NO_ORPHANS_EXPLICIT = 1, 2

local function sweep_before(...)
-- include: sweep
  return sweep(...)
end

local function take_explicit(...)
-- include: explicit
  return explicit_take(...)
end

local function sessions()
-- include: session
  return { deadline = session_deadline, extend = session_extend, first_hold = session_first_hold }
end

local hold_id, buyer, pass_id, rest = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local keys = stock_keys()
keys.layout = KEYS[8]

local function repeated(sale, stored)
  local _, _, digest = cmsgpack.unpack(rest)
  local hold = hold_unpack(hold_id, stored)
  if hold.digest == digest then return guard_refuse(sale, CODE.HOLD_REPEATED, stored) end
  if hold.digest == '' then return guard_refuse(sale, CODE.HOLD_RELEASED, stored) end
  return guard_refuse(sale, CODE.IDEMPOTENCY_MISMATCH)
end

local function refuse(sale, code, seats, short)
  if sale.free + sale.held == 0 then code = CODE.SOLD_OUT end
  if stock_overdue(sale) then code = CODE.SWEEP_AGAIN end
  return stock_refuse(sale, keys.events, code, '', seats or {}, short or {})
end

local sale, refusal = stock_open_with({ 'free', 'held', 'next_due_ms', 'levels', 'lifecycle',
  'opens_ms', 'ends_ms', unpack(ARGV, 13) })
if refusal then return refusal end
local now_ms = sale.now_ms

-- Refusals before anything is written.
local stored = redis.call('HGET', keys.holds, hold_id)
if stored then return repeated(sale, stored) end
if sale.lifecycle == 'closed' or (sale.ends_ms > 0 and sale.ends_ms <= now_ms) then
  return guard_refuse(sale, CODE.HOLDS_CLOSED)
end
if sale.opens_ms > now_ms then return guard_refuse(sale, CODE.HOLDS_NOT_OPEN) end
local session
if pass_id ~= '' then
  session = sessions()
  if not session.deadline(KEYS[9], pass_id, now_ms) then
    return guard_refuse(sale, CODE.PASS_ENDED)
  end
end
if stock_overdue(sale) then sweep_before(sale, keys, SWEEP_BEFORE_MAX) end

-- What the rows would look like; nothing is written yet.
local hold_ms, hold_max_ms, seed, limit, quantity, flags = struct.unpack(TERMS, ARGV[7])
local hold = { seats = {}, prices = {}, total = 0, touched = {} }
local units, areas, conflicts, alone, short = quantity, nil, nil, nil, nil
if ARGV[8] ~= '' then
  conflicts, alone = take_explicit(keys, cmsgpack.unpack(ARGV[8]), hold)
  units = #hold.seats
end
if ARGV[13] then
  areas = cmsgpack.unpack(rest)
  short = stock_areas_short(sale, areas)
end
if (conflicts and #conflicts > 0) or (short and #short > 0) then
  return refuse(sale, CODE.SEAT_UNAVAILABLE, conflicts, short)
end
if alone and #alone > 0 and flags >= NO_ORPHANS_EXPLICIT then
  return refuse(sale, CODE.ORPHAN_LEFT, alone)
end
if areas then
  for at = 1, #areas, 3 do
    units = units + areas[at + 1]
    hold.total = hold.total + areas[at + 1] * areas[at + 2]
  end
end
local had, ids = buyer_units(keys.buyers, buyer)
if limit > 0 and had + units > limit then return refuse(sale, CODE.HOLD_LIMIT) end
if quantity > 0 then
  local why = picked(sale, keys, { quantity = quantity, seed = seed, first_rung = ARGV[9],
    kinds = ARGV[10], prices = ARGV[11], orphans = flags % 2 == MAY_LEAVE_ORPHANS,
    places = ARGV[12] ~= '' and cmsgpack.unpack(ARGV[12]) or nil }, hold)
  if why then return refuse(sale, why) end
end

-- From here on everything succeeds.
picked_write(sale, keys, hold)
sale.free, sale.held = sale.free - #hold.seats, sale.held + #hold.seats
if areas then stock_areas_move(sale, areas, 'free', 'held') end
local expires_ms = now_ms + hold_ms
local value = hold_pack_new(now_ms, expires_ms, now_ms + hold_max_ms, hold, rest)
redis.call('HSET', keys.holds, hold_id, value)
due_set(sale, keys.due, hold_id, expires_ms)
buyer_add(keys.buyers, buyer, had, ids, hold_id, units)
if session then
  session.extend(KEYS[9], pass_id, expires_ms)
  session.first_hold(KEYS[10], pass_id)
end
event_append(sale, keys.events, 'hold.created', hold_id, { buyer = buyer, seats = hold.seats,
  areas = areas or {}, total = hold.total, expires_ms = expires_ms })
return stock_commit(sale, keys.events, CODE.OK, value)
