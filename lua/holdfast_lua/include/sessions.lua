-- Sessions of several passes at once, for the holds of a block; what a session is: session.lua.

-- The deadlines of several passes, as they are stored: false where there is none.
local function session_deadlines(active_key, pass_ids)
  return redis.call('ZMSCORE', active_key, unpack(pass_ids))
end

-- What a first hold does for its session, for several passes, { until_ms, pass_id, ... }: it extends
-- it, and nothing needs to be set aside for it any more.
local function sessions_hold(active_key, unheld_key, sessions)
  redis.call('ZADD', active_key, 'XX', 'GT', unpack(sessions))
  local pass_ids = {}
  for at = 2, #sessions, 2 do pass_ids[at / 2] = sessions[at] end
  redis.call('ZREM', unheld_key, unpack(pass_ids))
end
