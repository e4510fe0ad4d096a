-- Reads how old the oldest open hold is, and by how much the first one is overdue.
--
-- `due` has no times of creation, so of the holds that end next, LOOK_MAX are looked at: a hold's
-- time is bounded, so the oldest ones end first unless they were extended.
--
-- KEYS: sale holds due
-- ARGV: epoch revision
-- Returns {code, revision, now_ms, HOLD_AGES}
--   OK  the age of the oldest hold, and how far the first deadline has passed; 0 without a hold
-- Complexity: O(LOOK_MAX)
-- Events: none
-- flags: no-writes

-- include: guard

local LOOK_MAX = 200

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, {})
if refusal then return refusal end
local ids = redis.call('ZRANGE', KEYS.due, 0, LOOK_MAX - 1)
if #ids == 0 then return answer(sale, CODE.OK, HOLD_AGES.of(oldest_ms = 0, overdue_ms = 0)) end
local oldest_ms = 0
for _, value in ipairs(redis.call('HMGET', KEYS.holds, unpack(ids))) do
  local hold = value and cmsgpack.unpack(value)
  if hold and HOLD.status(hold) <= STATUS.PAYING then
    oldest_ms = math.max(oldest_ms, sale.now_ms - HOLD.created_ms(hold))
  end
end
local first_ms = tonumber(redis.call('ZSCORE', KEYS.due, ids[1]))
local overdue_ms = math.max(0, sale.now_ms - first_ms)
return answer(sale, CODE.OK, HOLD_AGES.names)
