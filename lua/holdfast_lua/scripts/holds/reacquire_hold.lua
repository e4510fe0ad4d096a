-- Makes a lapsed hold confirming with equivalent seats, when its own were taken before its payment
-- came.
--
-- Atomic for the same reasons as hold_seats. Equivalent means as many seats of each class as
-- before, for the same prices; all of them or none.
--
-- KEYS: sale events seats rows holds buyers due layout
-- ARGV: epoch revision
--   hold_id  text
--   limit    units per buyer, 0 = none
--   seed     integer
--   choices  SeatChoices as packed, one behind another, one for each class
--
-- Returns {code, revision, now_ms, hold}, or HOLD_REFUSAL: HOLD_REACQUIRED; UNCHANGED (is confirming);
-- HOLD_CONFIRMED; HOLD_STATE (has not lapsed); HOLD_EXPIRED (nothing equivalent is free);
-- HOLD_LIMIT, HOLDS_CLOSED, HOLD_RELEASED, HOLD_UNKNOWN, SWEEP_AGAIN.
-- Complexity: as hold_seats, for each class.
-- Events: hold.reacquired {buyer, seats, areas, total}.

-- include: reacquire_hold
-- include: fallbacks

local keys = { KEYS.members }
local limit, seed = tonumber(ARGV.limit), tonumber(ARGV.seed)
local choices = { cmsgpack.unpack(ARGV.choices) }
local sale, refusal = open_inventory()
if refusal then return refusal end
local hold = load_hold(keys.holds, ARGV.hold_id)
if not hold then return refuse(sale, CODE.HOLD_UNKNOWN) end
local settled = { [STATUS.CONFIRMED] = CODE.HOLD_CONFIRMED, [STATUS.CONFIRMING] = CODE.UNCHANGED,
  [STATUS.RELEASED] = CODE.HOLD_RELEASED }
if hold.status ~= STATUS.EXPIRED then
  return refuse(sale, settled[hold.status] or CODE.HOLD_STATE, pack_hold(hold))
end
local why = check_reacquire(sale, keys, hold, limit)
if why then return refuse_reacquire(sale, keys, hold, why) end
local short = find_short_areas(sale, hold.areas)
if #short > 0 then return refuse_reacquire(sale, keys, hold, CODE.HOLD_EXPIRED, {}, short) end

local cache = open_row_cache(keys, sale.levels)
local other = { seats = {}, prices = {}, rows = {}, total = 0 }
for _, field in ipairs(choices) do
  local choice = { CHOICE.members(field), seed = seed }
  if not pick_first_rung(cache, choice, other) and pick_fallback(sale, cache, choice, other) then
    return refuse_reacquire(sale, keys, hold, CODE.HOLD_EXPIRED, {}, {})
  end
end
write_rows(sale, cache)
hold.seats, hold.prices, hold.rows = other.seats, other.prices, other.rows
reacquire_units(sale, keys, hold)
return commit_inventory(sale, keys.events, CODE.HOLD_REACQUIRED, hold.value)
