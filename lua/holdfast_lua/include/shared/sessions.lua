-- Sessions: the admitted visitors of a sale.
--
-- `active` holds every pass id with its session's deadline. Only the deadline decides: an entry
-- past it is over although a sweep has yet to remove it. `unheld` holds the passes that have not
-- held anything yet, each with the deadline up to which a share of the free stock is set aside for
-- it. The inventory reads and extends sessions through these functions alone. `started` holds when
-- each session began, since it is not renewed for ever.

-- The deadline of a live session, nil when it is over or never was.
local function read_session_deadline(active_key, pass_id, now_ms)
  local deadline_ms = tonumber(redis.call('ZSCORE', active_key, pass_id))
  if deadline_ms and deadline_ms > now_ms then return deadline_ms end
  return nil
end

-- A live hold keeps its buyer's session alive: moves the deadline of a live session, never back.
local function extend_session(active_key, pass_id, until_ms)
  redis.call('ZADD', active_key, 'XX', 'GT', until_ms, pass_id)
end

-- How many of the deadlines in a set still lie ahead.
local function count_sessions(key, now_ms)
  return redis.call('ZCOUNT', key, string.format('(%.0f', now_ms), '+inf')
end

-- Until when a pass can be renewed, 0 for ever. A session of which nobody knows when it began is
-- taken to begin now.
local function get_session_limit(started_key, pass_id, line, now_ms)
  if line.session_max_ms == 0 then return 0 end
  local started_ms = tonumber(redis.call('ZSCORE', started_key, pass_id)) or now_ms
  return started_ms + math.max(line.session_max_ms, line.session_ms)
end

local function start_session(started_key, pass_id, started_ms)
  redis.call('ZADD', started_key, 'NX', string.format('%.0f', started_ms), pass_id)
end

-- The deadlines of several passes, for the holds of a batch, as they are stored: false where there
-- is none.
local function read_session_deadlines(active_key, pass_ids)
  return redis.call('ZMSCORE', active_key, unpack(pass_ids))
end

-- Extends the sessions of several passes, { until_ms, pass_id, ... }, for their new holds, and ends
-- what is set aside for passes that had not held anything. Answers for each pass whose
-- first hold this is when its session began, in ms, false where that is not known.
local function extend_held_sessions(keys, sessions)
  redis.call('ZADD', keys.active, 'XX', 'GT', unpack(sessions))
  local pass_ids, firsts, started = {}, {}, {}
  for at = 2, #sessions, 2 do pass_ids[at / 2] = sessions[at] end
  local unheld = redis.call('ZMSCORE', keys.unheld, unpack(pass_ids))
  for n, pass_id in ipairs(pass_ids) do
    if unheld[n] then firsts[#firsts + 1] = pass_id end
  end
  if #firsts == 0 then return started end
  redis.call('ZREM', keys.unheld, unpack(firsts))
  local began = redis.call('ZMSCORE', keys.started, unpack(firsts))
  for n, pass_id in ipairs(firsts) do started[pass_id] = tonumber(began[n]) or false end
  return started
end
