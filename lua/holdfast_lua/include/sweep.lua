-- The sweep: ends overdue holds and forgets those that ended long ago, a bounded number at a time.
--
-- Scripts that reserve run it first, so that what has lapsed is on sale again in the very call that
-- wants it, and no background task has to be alive for that. It does nothing, and asks the store
-- nothing, while `next_due_ms` lies ahead.

-- include: hold_end

-- Handles at most `limit` entries of `due`; answers how many holds it ended.
local function sweep(sale, keys, limit)
  if not stock_overdue(sale) then return 0 end
  local ids = redis.call('ZRANGE', keys.due, '-inf', sale.now_ms, 'BYSCORE', 'LIMIT', 0, limit)
  local ended = 0
  for _, id in ipairs(ids) do
    local hold = hold_load(keys.holds, id)
    if hold and hold_overdue(hold, sale.now_ms) then
      hold_end(sale, keys, hold, EXPIRED, 'expired', 'hold.expired')
      ended = ended + 1
    else
      redis.call('ZREM', keys.due, id)
      if hold and hold_ended(hold) then
        redis.call('HDEL', keys.holds, id)
        buyer_forget(sale, keys.buyers, hold.buyer)
      end
    end
  end
  if ended > 0 then redis.call('HINCRBY', sale.key, 'expired', ended) end
  local first = redis.call('ZRANGE', keys.due, 0, 0, 'WITHSCORES')
  sale.next_due_ms = tonumber(first[2]) or 0
  return ended
end
