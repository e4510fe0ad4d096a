-- Moves the line on: ends what is over, calls who can be admitted, and answers how the line stands.
--
-- Every worker calls it at each tick, a few times a second. Atomic, because what is called depends
-- on all that was called, claimed and held before; harmless to repeat, because every quantity is
-- derived from the state and not from how often it is asked. Within MIN_STEP_MS of the last step it
-- only reads.
--
-- How many are called: enough that those expected to show up use all the tokens, and no more than
-- there are slots and stock for.
--
--   supply   = min(tokens now + rate x ahead, cap - active, free stock - set aside)
--   ahead    = 1.5 polls, or until half a poll after the next step where steps are rarer
--   expected = calls younger than three polls x show share - those who came + those deferred
--   n        = min((supply - expected) / show share, waiting, the bound on outstanding calls)
--
-- It is a closed loop: where tokens are left over more are called, where visitors are deferred
-- fewer, so an error in the share delays no pass and lowers no rate. Whatever it calls, a claim
-- spends a token, a slot and stock of its own, so the limits hold without it. Calls older than
-- three polls do not count as expected: few of them still come, and if they do the next step sees
-- it. (Counting them all, as outstanding x share, stops the line at 90% no-shows as soon as the
-- dead calls fill the cap.)
--
-- Invariants: see include/line/line.lua; `serving` never passes `issued`; a step does a bounded
-- amount of housekeeping (SWEEP_MAX of each kind).
--
-- KEYS: sale events line active unheld calls shown deferred retrying retried started
-- ARGV: epoch revision
-- Returns {code, revision, now_ms, status}
--   OK         something changed
--   UNCHANGED  nothing did
--   status: LINE_STATUS, see line_status.py
-- Complexity: O(1) in visitors: about a hundred ranges, and SWEEP_MAX of each kind of housekeeping
-- Events: line.called, line.lapsed, pass.ended, draw.closed

-- include: retries
-- include: find_place
-- include: measure_stays

local active_key, unheld_key, calls_key = KEYS.active, KEYS.unheld, KEYS.calls
local shown_key, deferred_key = KEYS.shown, KEYS.deferred

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, SALE_FIELDS)
if refusal then return refusal end
local line = open_line(KEYS.line)
local gaps = parse_gaps(line.gaps)
local changed = false

local function waiting()
  return line.issued - line.serving - count_missing(gaps, line.serving, line.issued)
end

-- Stores an outage, so that the line's clock goes on from where it stood, and the time since the
-- last step, which is known only while somebody may come.
local function forgive_outage()
  local outage_ms = get_outage_ms(line, sale.now_ms)
  if may_come(line, line.advanced_ms - line.shift_ms) and line.advanced_ms > 0
    and line.stopped_ms == 0 then
    set_line(line, 'interval_before_ms', line.interval_ms)
    set_line(line, 'interval_ms', math.max(0, sale.now_ms - line.advanced_ms))
  end
  if outage_ms > 0 then
    set_line(line, 'shift_ms', line.shift_ms + outage_ms)
    set_line(line, 'advanced_ms', sale.now_ms)
    changed = true
  end
end

local function end_sessions(pass_ids, reason)
  if #pass_ids == 0 then return end
  for _, pass_id in ipairs(pass_ids) do
    append_event(sale, KEYS.events, 'pass.ended', pass_id, { reason = reason })
  end
  for _, key in ipairs({ active_key, unheld_key, KEYS.started }) do
    redis.call('ZREM', key, unpack(pass_ids))
  end
  changed = true
end

local function end_overdue_sessions()
  local now = string.format('%.0f', sale.now_ms)
  end_sessions(redis.call('ZRANGE', active_key, '-inf', now, 'BYSCORE', 'LIMIT', 0, CONST.SWEEP_MAX),
    'expired')
end

local function lapse(first, last, count)
  set_line(line, 'lapsed', line.lapsed + count)
  append_event(sale, KEYS.events, 'line.lapsed', string.format('%.0f', first),
    { first = first, last = last, count = count })
  changed = true
end

-- Who came to the end of a range without being seen has lapsed; those deferred have their own end.
local function end_calls(clock_ms)
  for _, range in ipairs(read_ranges(calls_key, 0, CONST.SWEEP_MAX - 1)) do
    if range.deadline_ms > clock_ms then break end
    local came = count_shown(shown_key, range)
    redis.call('ZREM', calls_key, range.member)
    remember_range(line, range, came)
    changed = true
    if came < range.count then lapse(range.first, range.last, range.count - came) end
    -- Visitors with numbers of a gap have claimed: the store loss had not lost them.
    if came > range.count then set_line(line, 'called', line.called + came - range.count) end
  end
  sweep_retries(line, { retrying = KEYS.retrying, retried = KEYS.retried }, clock_ms)
  local over = redis.call('ZRANGE', deferred_key, '-inf', string.format('%.0f', clock_ms),
    'BYSCORE', 'LIMIT', 0, CONST.SWEEP_MAX)
  for _, number in ipairs(over) do lapse(tonumber(number), tonumber(number), 1) end
  if #over > 0 then redis.call('ZREM', deferred_key, unpack(over)) end
end

local function moves()
  return get_phase(sale, line) == 'open' and not is_closed(sale) and line.stopped_ms == 0
    and line.draw ~= DRAW.TO_COME and not is_line_sold_out(sale)
end

-- How many passes the rate allows until those who are called now will have come.
local function tokens_ahead(tokens)
  local poll_ms = get_poll_ms(line)
  local ahead_ms = math.max(1.5 * poll_ms, get_interval_ms(line) + poll_ms / 2)
  return tokens + line.rate * ahead_ms / CONST.TOKEN
end

-- Who has held nothing in time keeps the session until the slot is wanted: as far as the rate would
-- let in more than there are slots for, the oldest of them give way to those who wait or were
-- deferred.
local function give_up_slots()
  local tokens, slots = measure_room(sale, line, active_key, unheld_key)
  local others = waiting() + redis.call('ZCARD', deferred_key)
  local wanted = math.min(others, math.floor(tokens_ahead(tokens))) - math.max(0, slots)
  if wanted < 1 then return end
  local idle = redis.call('ZRANGE', unheld_key, '-inf', string.format('%.0f', sale.now_ms),
    'BYSCORE', 'LIMIT', 0, math.min(wanted, CONST.SWEEP_MAX))
  end_sessions(idle, 'unused')
  if #idle > 0 then set_line(line, 'unused', line.unused + #idle) end
end

local function how_many(share, expected)
  if line.mode == MODE.THROUGH then return waiting() end
  local tokens, slots, stock = measure_room(sale, line, active_key, unheld_key)
  local supply = math.min(tokens_ahead(tokens), slots, stock)
  local most = math.max(CONST.OUTSTANDING_FLOOR,
    CONST.OUTSTANDING_FACTOR * (line.rate * line.claim_ms / CONST.TOKEN + line.burst))
  return math.floor(math.min((supply - expected) / share, waiting(),
    most - count_outstanding(line)))
end

local function call(most, newest, clock_ms)
  local first = line.serving + 1
  local last, count, in_gap = find_frontier(gaps, line.serving, most)
  local range = add_range(calls_key, line.claim_ms, newest, first, last, count, clock_ms)
  if in_gap then
    set_line(line, 'calls_from_ms', clock_ms + get_notice_ms(line))
    set_line(line, 'gap_until_ms', range.deadline_ms)
  end
  set_line(line, 'serving', last)
  set_line(line, 'called', line.called + count)
  append_event(sale, KEYS.events, 'line.called', string.format('%.0f', first), { first = first,
    last = last, count = count, deadline = format_time(range.deadline_ms + line.shift_ms) })
  changed = true
end

local function step()
  forgive_outage()
  if line.frozen == 0 and get_phase(sale, line) == 'open' then
    freeze_lobby(sale, line, KEYS.events)
    changed = true
  end
  end_overdue_sessions()
  local clock_ms = read_line_clock(line, sale.now_ms)
  end_calls(clock_ms)
  local share, expected, newest =
    estimate_expected(line, calls_key, shown_key, deferred_key, clock_ms)
  if moves() then
    give_up_slots()
    if line.issued > line.serving and clock_ms >= line.calls_from_ms then
      -- A gap at the end is called and counts nobody: a visitor who has one of its numbers can
      -- claim, and those who join next do not wait for numbers that nobody may have.
      local count = math.max(0, how_many(share, expected))
      if count > 0 or waiting() == 0 then call(count, newest, clock_ms) end
    end
  end
  measure_stays(line, active_key, sale.now_ms)
  if changed or may_come(line, clock_ms) then set_line(line, 'advanced_ms', sale.now_ms) end
  if math.abs(share - line.share) >= 0.001 then
    set_line(line, 'share', string.format('%.4f', share))
  end
  save_line(line)
end

-- First number that may still be outstanding: what a checkpoint must call again after a loss.
local function called_from()
  local oldest = redis.call('ZRANGE', calls_key, 0, 0)
  return #oldest > 0 and parse_range(oldest[1]).first or line.serving + 1
end

local function how_it_stands()
  local lost = sale.now_ms < line.lost_until_ms and line.lost_active or 0
  local stock = count_stock(sale, line, unheld_key)
  return { LINE_STATUS.of(
    lifecycle = sale.lifecycle, phase = get_phase(sale, line), prequeue_ms = sale.prequeue_ms,
    opens_ms = sale.opens_ms, ends_ms = sale.ends_ms, settings_version = sale.settings_version,
    free = sale.free - sale.apart_free, held = sale.held - sale.apart_held, booked = sale.booked,
    blocked = sale.blocked, expired = sale.expired, first_holds = sale.first_holds,
    allotted_free = sale.apart_free, allotted_held = sale.apart_held, stock = math.max(0, stock),
    frozen = line.frozen, lobby = line.lobby, issued = line.issued, ceiling = line.ceiling,
    serving = line.serving, called_from = called_from(), gaps = line.gaps,
    active = count_sessions(active_key, sale.now_ms) + lost,
    deferred = redis.call('ZCARD', deferred_key), called = line.called, claimed = line.claimed,
    lapsed = line.lapsed, admitted = line.admitted, rate_per_minute = line.rate, cap = line.cap,
    mode = line.mode, queue_all = line.queue_all, show_share = tostring(line.share),
    pace = string.format('%.6f', line.pace), pace_ms = line.pace_ms,
    pace_since_ms = line.pace_since_ms, draw = line.draw, accumulator = line.accumulator,
    beacon = line.beacon, present = line.present_window > 0 and line.present or -1,
    closed_ms = line.closed_ms, sealed_ms = line.sealed_ms, unused = line.unused,
    stays = tostring(line.stays), stays_ms = line.stays_ms) }
end

if sale.now_ms - line.advanced_ms >= CONST.MIN_STEP_MS or sale.now_ms < line.advanced_ms then step() end
if not changed then return answer(sale, CODE.UNCHANGED, how_it_stands()) end
return commit_sale(sale, CODE.OK, how_it_stands())
