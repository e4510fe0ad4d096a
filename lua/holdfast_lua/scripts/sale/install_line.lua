-- Puts a line into the store: a new one, or one rebuilt from its last checkpoint.
--
-- One code path for both. It writes the line's own keys only. The sale hash is installed last and
-- is the commit point: until then every guarded script refuses, and from then on this one does.
--
-- Invariants: numbering resumes at the ceiling, so no number is issued twice; the numbers between
-- the checkpoint and the ceiling are a gap; calls that were outstanding at the checkpoint stand
-- again, with a whole claim window, beside those of the same ranges that were served, so the share
-- of those who come is what it was, and nobody further is called until those have had the time to
-- come; who was served after the checkpoint is called again (the same ticket gets the same pass id,
-- hence the same admission; it costs a token, never a second pass); a rebuilt token bucket is
-- empty, since nobody knows what was spent; sessions that are known by number only keep their slots
-- until they must be over, and who was served by the checkpoint takes theirs up with ticket or
-- pass; a lobby that is to be drawn and lost joins gets the epoch chained in, so nobody can have
-- known the order before, and its lost places take part in the draw, since they may have been
-- handed out, instead of being a gap.
--
-- KEYS: line active unheld calls shown deferred retrying retried started sale
-- ARGV:
--   rate_per_minute  passes per minute
--   burst            passes
--   cap              sessions
--   session_ms       integer
--   claim_ms         integer
--   first_hold_ms    integer
--   stock_permille   integer, 1000 = one visitor per free unit
--   mode             0 line, 1 pass through, 2 reject
--   queue_all        0 or 1
--   fresh            1 new, 0 rebuilt
--   ceiling          integer, as the ledger has it
--   issued           integer, of the checkpoint
--   lobby            integer
--   frozen           0 or 1
--   serving          integer
--   called_from      integer, first number that may be outstanding
--   gaps             "first-last,..." as far as the checkpoint knew them
--   called           integer
--   claimed          integer
--   lapsed           integer
--   admitted         integer
--   active           integer, sessions at the checkpoint
--   stopped          1 when the sale comes back paused
--   epoch            integer, of this installation
--   draw             0 none, 1 to come, 2 sealed
--   accumulator      hex, as the checkpoint or the seal has it; empty where nothing is drawn
--   beacon           the beacon's value, once it is known
--   ranges           as read_calls.lua answers them; empty where nobody was outstanding
--   shown_from       integer, the byte that `shown` begins with
--   shown            bytes, a bit per number that had come to claim
--   deferred         numbers, joined by spaces
--   clock_ms         the line's clock at the checkpoint; 0 in one that knows no ranges
--   show_called      decimal, the share's memory
--   show_shown       decimal
--   taken_ms         integer, store time of the checkpoint: time does not go back behind it
--   closed_ms        integer, when the lobby was closed; 0 while it is open
--   sealed_ms        integer, when the draw was sealed; 0 before
--   session_max_ms   integer, 0 = no end to renewing
--   stays            decimal, sessions that ended, as far as they are remembered
--   stays_ms         integer, the time for which slots were taken meanwhile
-- Returns {REPLY}, with revision 0
--   OK
--   UNCHANGED       another process has finished installing this epoch: the line is in use
--   INSTALL_FENCED  a newer epoch has been installed: the caller was overtaken
-- Complexity: O(n) in what is replaced
-- Events: none

-- include: clock
-- include: restore_calls

local now_ms = math.max(read_clock_ms(), tonumber(ARGV.taken_ms))
local epoch = tonumber(ARGV.epoch)
local sale_epoch = tonumber(redis.call('HGET', KEYS.sale, 'epoch')) or 0
local newest = math.max(tonumber(redis.call('HGET', KEYS.line, 'epoch')) or 0, sale_epoch)
if newest > epoch then
  return { REPLY.of(code = CODE.INSTALL_FENCED, revision = 0, now_ms = now_ms) }
end
if sale_epoch == epoch then
  return { REPLY.of(code = CODE.UNCHANGED, revision = 0, now_ms = now_ms) }
end

local ceiling, issued, serving = tonumber(ARGV.ceiling), tonumber(ARGV.issued), tonumber(ARGV.serving)
local called, claimed, lapsed = tonumber(ARGV.called), tonumber(ARGV.claimed), tonumber(ARGV.lapsed)
local called_from, claim_ms = tonumber(ARGV.called_from), tonumber(ARGV.claim_ms)
local rebuilt, gaps = ARGV.fresh == '0', ARGV.gaps
local lobby_drawn = tonumber(ARGV.draw) == DRAW.TO_COME and ARGV.frozen == '0'
if rebuilt and ceiling > issued then
  if not lobby_drawn then
    gaps = gaps .. (gaps ~= '' and ',' or '') .. string.format('%.0f-%.0f', issued + 1, ceiling)
  end
  issued = ceiling
end

redis.call('DEL', unpack(KEYS, 1, KEYS_AT.sale - 1))
local knows_ranges = tonumber(ARGV.clock_ms) > 0
local clock_ms = knows_ranges and tonumber(ARGV.clock_ms) or now_ms
if knows_ranges then
  if ARGV.shown ~= '' then redis.call('SETRANGE', KEYS.shown, ARGV.shown_from, ARGV.shown) end
  restore_ranges(KEYS.calls, ARGV.ranges, clock_ms + claim_ms)
  restore_deferred({ shown = KEYS.shown, deferred = KEYS.deferred, retrying = KEYS.retrying,
    retried = KEYS.retried }, ARGV.deferred, claim_ms, clock_ms)
elseif rebuilt and serving >= called_from then
  -- A checkpoint that knows no ranges: all that may be outstanding are called again.
  local missing = count_missing(parse_gaps(gaps), called_from - 1, serving)
  local again = serving - called_from + 1 - missing
  add_range(KEYS.calls, claim_ms, nil, called_from, serving, again, clock_ms)
  called = claimed + lapsed + again
end
local outstanding = called - claimed - lapsed
local gaps_are_called = gaps ~= '' and redis.call('EXISTS', KEYS.calls) == 1
local gap_until_ms = gaps_are_called and clock_ms + claim_ms or 0
local may_come = outstanding > 0 or gaps_are_called
local calls_from_ms = may_come and clock_ms + get_notice_ms({ claim_ms = claim_ms }) or 0

local accumulator = ARGV.accumulator
if rebuilt and lobby_drawn then
  accumulator = redis.sha1hex(accumulator .. ':epoch:' .. string.format('%.0f', epoch))
end
local tokens = rebuilt and 0 or get_most_tokens(tonumber(ARGV.rate_per_minute), tonumber(ARGV.burst))
local stopped_ms = (ARGV.stopped == '1' or ARGV.queue_all == '1') and now_ms or 0
redis.call('HSET', KEYS.line, 'epoch', epoch, 'rate', ARGV.rate_per_minute, 'burst', ARGV.burst,
  'cap', ARGV.cap, 'session_ms', ARGV.session_ms, 'claim_ms', claim_ms,
  'first_hold_ms', ARGV.first_hold_ms, 'stock_permille', ARGV.stock_permille, 'mode', ARGV.mode,
  'queue_all', ARGV.queue_all, 'session_max_ms', ARGV.session_max_ms, 'stays', ARGV.stays,
  'stays_ms', ARGV.stays_ms, 'inside_admitted', ARGV.admitted, 'ceiling', ceiling,
  'issued', issued, 'lobby', ARGV.lobby, 'frozen', ARGV.frozen, 'serving', serving, 'gaps', gaps,
  'called', called, 'claimed', claimed, 'lapsed', lapsed, 'admitted', ARGV.admitted,
  'show_called', ARGV.show_called, 'show_shown', ARGV.show_shown, 'calls_from_ms', calls_from_ms,
  'gap_until_ms', gap_until_ms, 'lost_serving', rebuilt and serving or 0, 'tokens', tokens,
  'tokens_ms', now_ms,
  'shift_ms', now_ms - clock_ms, 'stopped_ms', stopped_ms, 'resume_to', 'live', 'advanced_ms', 0,
  'lost_active', ARGV.active, 'lost_until_ms', now_ms + tonumber(ARGV.session_ms), 'share', 1,
  'draw', ARGV.draw, 'accumulator', accumulator, 'beacon', ARGV.beacon,
  'closed_ms', ARGV.closed_ms, 'sealed_ms', ARGV.sealed_ms)
return { REPLY.of(code = CODE.OK, revision = 0, now_ms = now_ms) }
