-- The line: counters and settings of one waiting room, and the arithmetic that its scripts share.
--
-- `line` is read once and written once per script:
--
--   local line = open_line(KEYS.line)
--   set_line(line, 'serving', line.serving + n)
--   save_line(line)
--
-- Invariants
--   1  Passes in any span T <= max(burst, two ticks of rate) + rate x T; see rates.lua.
--   2  `serving` and `issued` never fall; a number is issued once, below a ceiling that the ledger
--      has committed.
--   3  called = claimed + lapsed + outstanding, each visitor counted in exactly one. Those who have
--      the numbers of a gap are counted as called when their call ends, since nobody knows of them
--      before they come; until `gap_until_ms` some of them may.
--   4  A call's deadline is kept by the line's own clock, which stands still while nobody can claim
--      (paused, `queue_all`, an outage). So no visitor loses a place to what was not their doing,
--      and a pause of any length costs one number, not a rewrite of all deadlines.

-- include: guard
-- include: events
-- include: sessions
-- include: rates

local LINE_FIELDS = {
  'rate', 'burst', 'cap', 'session_ms', 'claim_ms', 'first_hold_ms', 'stock_permille', 'mode',
  'queue_all', 'issued', 'ceiling', 'lobby', 'frozen', 'serving', 'tokens', 'tokens_ms', 'called',
  'claimed', 'lapsed', 'admitted', 'shift_ms', 'stopped_ms', 'advanced_ms', 'lost_active',
  'lost_until_ms', 'show_called', 'show_shown', 'share', 'pace', 'pace_ms', 'pace_since_ms',
  'resume_to', 'gaps', 'draw', 'accumulator', 'beacon', 'present', 'present_window', 'interval_ms',
  'interval_before_ms', 'calls_from_ms', 'lost_serving', 'closed_ms', 'sealed_ms',
  'session_max_ms', 'unused', 'stays', 'stays_ms', 'inside', 'inside_admitted', 'inside_ms',
  'gap_until_ms',
}
local LINE_TEXTS = { resume_to = true, gaps = true, accumulator = true, beacon = true }
local SALE_FIELDS = {
  'lifecycle', 'prequeue_ms', 'opens_ms', 'ends_ms', 'settings_version', 'free', 'held', 'booked',
  'blocked', 'expired', 'apart_free', 'apart_held', 'first_holds',
}

-- Reads the fields asked for, all by default: reading all of them is what a script spends most of
-- its time on.
local function open_line(key, wanted)
  local fields = wanted or LINE_FIELDS
  local stored = redis.call('HMGET', key, unpack(fields))
  local line = { key = key, changes = {} }
  for position = 1, #fields do
    local field, value = fields[position], stored[position]
    if LINE_TEXTS[field] then
      line[field] = value or ''
    else
      line[field] = tonumber(value) or 0
    end
  end
  return line
end

-- The fields that read_line_clock needs, and others.
local function with_clock(...)
  return { 'stopped_ms', 'shift_ms', 'advanced_ms', 'called', 'claimed', 'lapsed', 'interval_ms',
    'interval_before_ms', 'gap_until_ms', ... }
end

local function set_line(line, field, value)
  local changes = line.changes
  line[field] = value
  changes[#changes + 1] = field
  changes[#changes + 1] = value
end

local function save_line(line)
  if #line.changes > 0 then redis.call('HSET', line.key, unpack(line.changes)) end
end

-- The phase of the sale by its times alone, whatever its lifecycle: scheduled, lobby or open. Once
-- the lobby is frozen the sale has opened, and no later change of times closes it again.
local function get_phase(sale, line)
  if line.frozen == 1 or sale.now_ms >= sale.opens_ms then return 'open' end
  if sale.prequeue_ms > 0 and sale.now_ms >= sale.prequeue_ms then return 'lobby' end
  return 'scheduled'
end

local function is_closed(sale)
  return sale.lifecycle == 'closed' or (sale.ends_ms > 0 and sale.now_ms >= sale.ends_ms)
end

-- The free stock without what is set aside for channels that the line does not serve, see
-- inventory.lua.
local function is_line_sold_out(sale)
  return sale.free + sale.held <= sale.apart_free + sale.apart_held
end

-- The places given before the open become the lobby's; all later ones are the line's. Whoever took
-- part in a draw can hold the time against the start that was announced.
local function freeze_lobby(sale, line, events_key)
  set_line(line, 'frozen', 1)
  set_line(line, 'lobby', line.issued)
  set_line(line, 'closed_ms', sale.now_ms)
  if line.draw == DRAW.TO_COME then
    append_event(sale, events_key, 'draw.closed', sale.name, { entrants = line.lobby })
  end
end

-- Chains what happened in the lobby into the accumulator. SHA-1 is what the store offers; the chain
-- must not be steerable and need not resist collisions (docs/draw.md says why).
local function chain_lobby(line, what)
  set_line(line, 'accumulator', redis.sha1hex(line.accumulator .. ':' .. what))
end

local function count_outstanding(line)
  return line.called - line.claimed - line.lapsed
end

-- Whether somebody who was called may yet come, at a time of the line's clock.
local function may_come(line, clock_ms)
  return count_outstanding(line) > 0 or clock_ms < line.gap_until_ms
end

-- How often the line is stepped: the shorter of its last two intervals, so that one outage does not
-- count as the interval. Ticks may be set as far apart as a minute, and come later than they are
-- set.
local function get_interval_ms(line)
  return math.min(line.interval_ms, line.interval_before_ms)
end

-- For how long no worker has advanced the line although somebody may come: an outage of the
-- service, in which nobody could claim. 0 while workers tick.
local function get_outage_ms(line, now_ms)
  local idle_ms = now_ms - line.advanced_ms
  local usual_ms = math.min(CONST.OUTAGE_MAX_MS, CONST.OUTAGE_STEPS * get_interval_ms(line))
  local down = line.advanced_ms > 0 and idle_ms > math.max(CONST.OUTAGE_MS, usual_ms)
    and line.stopped_ms == 0 and may_come(line, line.advanced_ms - line.shift_ms)
  return down and idle_ms or 0
end

-- The line's clock, which stands still while nobody can claim. An outage counts before the
-- first step after it has stored it, since a claim may come earlier than that step.
local function read_line_clock(line, now_ms)
  if line.stopped_ms > 0 then return line.stopped_ms - line.shift_ms end
  return now_ms - line.shift_ms - get_outage_ms(line, now_ms)
end

-- Stops or starts that clock, as the lifecycle and `queue_all` now want it.
local function stop_or_start_clock(sale, line)
  local stop = sale.lifecycle == 'paused' or line.queue_all == 1
  if stop and line.stopped_ms == 0 then
    set_line(line, 'stopped_ms', sale.now_ms)
  elseif not stop and line.stopped_ms > 0 then
    set_line(line, 'shift_ms', line.shift_ms + sale.now_ms - line.stopped_ms)
    set_line(line, 'stopped_ms', 0)
    set_line(line, 'advanced_ms', sale.now_ms)
  end
end

-- For how many visitors there is stock that is not set aside for anybody.
local function count_stock(sale, line, unheld_key)
  return math.floor((sale.free - sale.apart_free) * line.stock_permille / 1000)
    - count_sessions(unheld_key, sale.now_ms)
end

-- What there is to admit into: tokens, free slots, free stock not set aside for anybody. An
-- operator who lets everybody pass through has switched all three off.
local function measure_room(sale, line, active_key, unheld_key)
  if line.mode == MODE.THROUGH then return math.huge, math.huge, math.huge end
  local lost = sale.now_ms < line.lost_until_ms and line.lost_active or 0
  local tokens = count_tokens(line, sale.now_ms) / CONST.TOKEN
  local slots = line.cap - lost - count_sessions(active_key, sale.now_ms)
  return tokens, slots, count_stock(sale, line, unheld_key)
end

-- Notes admissions, for the measured rate: an exponential average over half a minute.
local function note_pace(line, now_ms, count)
  local pace = line.pace * math.exp((line.pace_ms - now_ms) / CONST.PACE_MS)
  if pace < 0.01 then set_line(line, 'pace_since_ms', now_ms) end
  set_line(line, 'pace', string.format('%.6f', pace + count))
  set_line(line, 'pace_ms', now_ms)
end

-- Admits the passes: spends their tokens, opens their sessions, writes their events.
-- The caller has checked the room. Answers the sessions' deadline, and until when they are renewed.
local function admit_passes(sale, line, keys, passes, first)
  local now_ms, count = sale.now_ms, #passes
  local ends_ms = now_ms + line.session_ms
  local sessions, firsts, starts = {}, {}, {}
  for position = 1, count do
    sessions[2 * position - 1], sessions[2 * position] = ends_ms, passes[position]
    firsts[2 * position - 1], firsts[2 * position] = now_ms + line.first_hold_ms, passes[position]
    starts[2 * position - 1], starts[2 * position] = now_ms, passes[position]
    append_event(sale, keys.events, 'pass.issued', passes[position],
      { number = first + position - 1, expires_at = format_time(ends_ms) })
  end
  redis.call('ZADD', keys.active, unpack(sessions))
  redis.call('ZADD', keys.unheld, unpack(firsts))
  redis.call('ZADD', keys.started, unpack(starts))
  set_line(line, 'tokens', math.max(0, count_tokens(line, now_ms) - count * CONST.TOKEN))
  set_line(line, 'tokens_ms', now_ms)
  set_line(line, 'claimed', line.claimed + count)
  set_line(line, 'admitted', line.admitted + count)
  note_pace(line, now_ms, count)
  return ends_ms, get_session_limit(keys.started, passes[1], line, now_ms)
end
