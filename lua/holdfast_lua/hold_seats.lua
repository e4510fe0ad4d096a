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
--   1 epoch        integer
--   2 revision     integer
--   3 hold_id      text, derived from the idempotency key
--   4 digest       text, of the validated request
--   5 buyer        text
--   6 pass_id      text, empty when a platform key asks
--   7 hold_ms      integer, from now to the deadline
--   8 hold_max_ms  integer, from now to the latest deadline that extending can reach
--   9 limit        integer, units per buyer, 0 = none
--   10 seed         integer
--   11 areas        msgpack { area, quantity, price, ... }, empty for none
--   12 explicit     msgpack { position, first, length, base, n, offset, price, ..., ... }, or empty
--   13 no_orphans   1 = explicit seats may not leave a single seat alone
--   14 quantity     seats to pick, 0 = none; the rest is SeatChoice, see include/pick.lua
--   15 orphans      1 = the first rung may leave a single seat alone
--   16 first_rung   bytes
--   17 second_rung  bytes
--   18 split_rung   bytes
--   19 any_free     bytes
--   20 prices       msgpack, price by class
--   21 places       msgpack { position, ... }, empty for all
--   22 area_field...  fields of the sale hash for the areas
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
-- Events: hold.created {buyer, seats, areas, total, expires_at}; hold.expired, inventory.* by sweep.

-- include: sweep
-- include: pick
-- include: explicit
-- include: session

local SWEEP_BEFORE_MAX = 16

local keys = stock_keys()
keys.layout = KEYS[8]
local active_key, unheld_key = KEYS[9], KEYS[10]
local hold_id, digest, buyer, pass_id = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local limit = tonumber(ARGV[9])
local areas = ARGV[11] ~= '' and cmsgpack.unpack(ARGV[11]) or {}
local area_fields = { unpack(ARGV, 22) }

local sale, refusal = stock_open(area_fields)
if refusal then return refusal end
local now_ms = sale.now_ms

-- Refusals before anything is written.
local stored = redis.call('HGET', keys.holds, hold_id)
if stored then
  local hold = hold_unpack(hold_id, stored)
  if hold.digest == digest then return guard_refuse(sale, CODE.HOLD_REPEATED, stored) end
  if hold.digest == '' then return guard_refuse(sale, CODE.HOLD_RELEASED, stored) end
  return guard_refuse(sale, CODE.IDEMPOTENCY_MISMATCH)
end
if sale.lifecycle == 'closed' or (sale.ends_ms > 0 and sale.ends_ms <= now_ms) then
  return guard_refuse(sale, CODE.HOLDS_CLOSED)
end
if sale.opens_ms > now_ms then return guard_refuse(sale, CODE.HOLDS_NOT_OPEN) end
if pass_id ~= '' and not session_deadline(active_key, pass_id, now_ms) then
  return guard_refuse(sale, CODE.PASS_ENDED)
end

sweep(sale, keys, SWEEP_BEFORE_MAX)

local function refuse(code, seats, short)
  if sale.free + sale.held == 0 then code = CODE.SOLD_OUT end
  if sweep_overdue(sale) then code = CODE.SWEEP_AGAIN end
  return stock_refuse(sale, keys.events, code, '', seats or {}, short or {})
end

local hold = { id = hold_id, status = ACTIVE, version = 0, buyer = buyer, created_ms = now_ms,
  expires_ms = now_ms + tonumber(ARGV[7]), latest_ms = now_ms + tonumber(ARGV[8]), seats = {},
  prices = {}, areas = areas, rows = {}, total = 0, digest = digest, pass_id = pass_id,
  reason = '', ledger = 0, order_ref = '' }
hold.latest_ms = math.max(hold.latest_ms, hold.expires_ms)
for at = 1, #areas, 3 do hold.total = hold.total + areas[at + 1] * areas[at + 2] end

-- What the rows would look like; nothing is written yet.
local touched, conflicts, alone = {}, {}, {}
if ARGV[12] ~= '' then
  conflicts, alone = explicit_take(keys, hold, cmsgpack.unpack(ARGV[12]), touched)
end
local short = stock_areas_short(sale, areas)
if #conflicts > 0 or #short > 0 then return refuse(CODE.SEAT_UNAVAILABLE, conflicts, short) end
if ARGV[13] == '1' and #alone > 0 then return refuse(CODE.ORPHAN_LEFT, alone) end

local quantity = tonumber(ARGV[14])
local units, ids = buyer_units(keys.buyers, buyer)
local wanted = hold_units(hold) + quantity
if limit > 0 and units + wanted > limit then return refuse(CODE.HOLD_LIMIT) end
if quantity > 0 then
  local choice = pick_choice(tonumber(ARGV[10]), unpack(ARGV, 14, 21))
  local takes, why = pick(sale, keys, choice)
  if not takes then return refuse(why) end
  pick_take(sale, hold, takes, choice.prices, touched)
end

-- From here on everything succeeds.
for _, row in ipairs(touched) do
  row_write(sale, keys.seats, keys.rows, row)
  local at = #hold.rows
  hold.rows[at + 1], hold.rows[at + 2] = row.position, row.first
  hold.rows[at + 3], hold.rows[at + 4] = row.length, row.base
end
sale.free, sale.held = sale.free - #hold.seats, sale.held + #hold.seats
stock_areas_move(sale, areas, 'free', 'held')
hold_save(keys.holds, hold)
due_set(sale, keys.due, hold_id, hold.expires_ms)
buyer_add(keys.buyers, buyer, units, ids, hold_id, wanted)
if pass_id ~= '' then
  session_extend(active_key, pass_id, hold.expires_ms)
  session_first_hold(unheld_key, pass_id)
end
hold_event(sale, keys.events, 'hold.created', hold, { expires_at = event_time(hold.expires_ms) })
return stock_commit(sale, keys.events, CODE.OK, hold.value)
