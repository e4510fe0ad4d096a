-- A late payment whose seats are gone: the lapsed hold takes equivalent ones and is confirming.
--
-- Atomic for the same reasons as hold_seats. Equivalent means as many seats of each class as before, for
-- the same prices; all of them or none.
--
-- KEYS
--   1 sale    HASH    guard, lifecycle, counters
--   2 events  STREAM  gains hold.reacquired
--   3 seats   STRING  one byte a seat
--   4 rows    STRING  one byte a row block
--   5 holds   HASH    the hold
--   6 buyers  HASH    units and hold ids by buyer
--   7 due     ZSET    deadlines
--   8 layout  STRING  records of the row blocks
-- ARGV
--   1 epoch     integer
--   2 revision  integer
--   3 hold_id   text
--   4 limit     units per buyer, 0 = none
--   5 seed      integer
--   6 choices   msgpack { SeatChoice as an array, ... }, one for each class
--
-- Returns {code, revision, now_ms, hold, seats, areas}: HOLD_REACQUIRED; UNCHANGED (is confirming);
-- HOLD_CONFIRMED; HOLD_STATE (has not lapsed); HOLD_EXPIRED (nothing equivalent is free); HOLD_LIMIT,
-- HOLDS_CLOSED, HOLD_RELEASED, HOLD_UNKNOWN, SWEEP_AGAIN.
-- Complexity: as hold_seats, for each class.
-- Events: hold.reacquired {buyer, seats, areas, total}.

-- include: reacquire
-- include: ladder

local keys = stock_keys()
keys.layout = KEYS[8]
local limit, seed, choices = tonumber(ARGV[4]), tonumber(ARGV[5]), cmsgpack.unpack(ARGV[6])
local sale, refusal = stock_open()
if refusal then return refusal end
local hold = hold_load(keys.holds, ARGV[3])
if not hold then return guard_refuse(sale, CODE.HOLD_UNKNOWN) end
local settled = { [CONFIRMED] = CODE.HOLD_CONFIRMED, [CONFIRMING] = CODE.UNCHANGED,
  [RELEASED] = CODE.HOLD_RELEASED }
if hold.status ~= EXPIRED then
  return guard_refuse(sale, settled[hold.status] or CODE.HOLD_STATE, hold_pack(hold))
end
local why = reacquire_refusal(sale, keys, hold, limit)
if why then return reacquire_refuse(sale, keys, hold, why) end
local short = stock_areas_short(sale, hold.areas)
if #short > 0 then return reacquire_refuse(sale, keys, hold, CODE.HOLD_EXPIRED, {}, short) end

local house = house_open(keys, sale.levels)
local other = { seats = {}, prices = {}, rows = {}, total = 0 }
for _, fields in ipairs(choices) do
  local choice = { quantity = fields[1], orphans = fields[2] == 1, first_rung = fields[3],
    kinds = fields[4], prices = fields[5], seed = seed }
  if not picked(house, choice, other) and ladder(sale, house, choice, other) then
    return reacquire_refuse(sale, keys, hold, CODE.HOLD_EXPIRED, {}, {})
  end
end
house_write(sale, house)
hold.seats, hold.prices, hold.rows = other.seats, other.prices, other.rows
reacquire(sale, keys, hold)
return stock_commit(sale, keys.events, CODE.HOLD_REACQUIRED, hold.value)
