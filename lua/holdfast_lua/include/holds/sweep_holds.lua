-- Sweeps holds: ends overdue ones and forgets those that ended long ago, a bounded number at a
-- time.
--
-- Scripts that reserve sweep first, so that a call finds the units of lapsed holds free even where
-- no background task runs. It does nothing, and reads nothing, while `next_due_ms` lies ahead.

-- include: inventory
-- include: end_hold

-- Whether anything is to be written: a sweep has found something, or units have moved.
local function has_changed(sale)
  local changed = #sale.changes > 0
  for field, value in pairs(sale.before) do changed = changed or sale[field] ~= value end
  return changed
end

-- Answers a refusal, and commits what was swept before it.
local function refuse_after_sweep(sale, events_key, code, ...)
  if has_changed(sale) then return commit_inventory(sale, events_key, code, ...) end
  return refuse(sale, code, ...)
end

-- Handles at most `limit` entries of `due`; answers how many holds it ended.
local function sweep_holds(sale, keys, limit)
  if not has_overdue(sale) then return 0 end
  local ids = redis.call('ZRANGE', keys.due, '-inf', sale.now_ms, 'BYSCORE', 'LIMIT', 0, limit)
  local ended = 0
  for _, id in ipairs(ids) do
    local hold = load_hold(keys.holds, id)
    if hold and is_overdue(hold, sale.now_ms) then
      end_hold(sale, keys, hold, STATUS.EXPIRED, 'expired', 'hold.expired')
      ended = ended + 1
    else
      redis.call('ZREM', keys.due, id)
      if hold and is_ended(hold) then
        redis.call('HDEL', keys.holds, id)
        forget_buyer_rate(sale, keys.buyers, hold.buyer)
      end
    end
  end
  if ended > 0 then redis.call('HINCRBY', sale.key, 'expired', ended) end
  local first = redis.call('ZRANGE', keys.due, 0, 0, 'WITHSCORES')
  sale.next_due_ms = tonumber(first[2]) or 0
  return ended
end
