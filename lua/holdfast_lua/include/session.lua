-- Sessions: the admitted visitors of a sale.
--
-- `active` holds every pass id with its session's deadline. Only the deadline decides: an entry past
-- it is over although a sweep has yet to remove it. `unheld` holds the passes that have not held
-- anything yet, each with the deadline up to which a share of the free stock is set aside for it.
-- The inventory reads and extends sessions through these functions and those of sessions.lua alone.

-- The deadline of a live session, nil when it is over or never was.
local function session_deadline(active_key, pass_id, now_ms)
  local deadline_ms = tonumber(redis.call('ZSCORE', active_key, pass_id))
  if deadline_ms and deadline_ms > now_ms then return deadline_ms end
  return nil
end

-- A live hold keeps its buyer's session alive: moves the deadline of a live session, never back.
local function session_extend(active_key, pass_id, until_ms)
  redis.call('ZADD', active_key, 'XX', 'GT', until_ms, pass_id)
end

-- How many of the deadlines in a set still lie ahead.
local function session_count(key, now_ms)
  return redis.call('ZCOUNT', key, string.format('(%.0f', now_ms), '+inf')
end
