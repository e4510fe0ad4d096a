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
-- KEYS
--   1 line      HASH    counters and settings; the sale's life
--   2 active    ZSET    pass id -> session deadline
--   3 unheld    ZSET    pass id -> first-hold deadline
--   4 calls     ZSET    ranges called and not ended
--   5 shown     STRING  bit per number that came to claim
--   6 deferred  ZSET    number -> deadline of who came and found no room
--   7 retrying   ZSET    the deferred who claim again, by number
--   8 retried   ZSET    the same, by the time of their last claim
--   9 started   ZSET    pass id -> when its session began
--   10 sale     HASH    read: once it is installed in this epoch, the line is in use
-- ARGV
--   1 rate             passes per minute
--   2 burst            passes
--   3 cap              sessions
--   4 session_ms       integer
--   5 claim_ms         integer
--   6 first_hold_ms    integer
--   7 stock_permille   integer, 1000 = one visitor per free unit
--   8 mode             0 line, 1 pass through, 2 reject
--   9 queue_all        0 or 1
--   10 fresh           1 new, 0 rebuilt
--   11 ceiling         integer, as the ledger has it
--   12 issued          integer, of the checkpoint
--   13 lobby           integer
--   14 frozen          0 or 1
--   15 serving         integer
--   16 called_from     integer, first number that may be outstanding
--   17 gaps            "first-last,..." as far as the checkpoint knew them
--   18 called          integer
--   19 claimed         integer
--   20 lapsed          integer
--   21 admitted        integer
--   22 active          integer, sessions at the checkpoint
--   23 stopped         1 when the sale comes back paused
--   24 epoch           integer, of this installation
--   25 draw            0 none, 1 to come, 2 sealed
--   26 accumulator     hex, as the checkpoint or the seal has it; empty where nothing is drawn
--   27 beacon          the beacon's value, once it is known
--   28 ranges          as read_calls.lua answers them; empty where nobody was outstanding
--   29 shown_from      integer, the byte that `shown` begins with
--   30 shown           bytes, a bit per number that had come to claim
--   31 deferred        numbers, joined by spaces
--   32 clock_ms        the line's clock at the checkpoint; 0 in one that knows no ranges
--   33 show_called     decimal, the share's memory
--   34 show_shown      decimal
--   35 taken_ms        integer, store time of the checkpoint: time does not go back behind it
--   36 closed_ms       integer, when the lobby was closed; 0 while it is open
--   37 sealed_ms       integer, when the draw was sealed; 0 before
--   38 session_max_ms  integer, 0 = no end to renewing
--   39 stays           decimal, sessions that ended, as far as they are remembered
--   40 stays_ms        integer, the time for which slots were taken meanwhile
-- Returns {code, 0, now_ms}
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
if newest > epoch then return { CODE.INSTALL_FENCED, 0, now_ms } end
if sale_epoch == epoch then return { CODE.UNCHANGED, 0, now_ms } end

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
local calls_from_ms = outstanding > 0 and clock_ms + get_notice_ms({ claim_ms = claim_ms }) or 0

local accumulator = ARGV.accumulator
if rebuilt and lobby_drawn then
  accumulator = redis.sha1hex(accumulator .. ':epoch:' .. string.format('%.0f', epoch))
end
local tokens = rebuilt and 0 or get_most_tokens(tonumber(ARGV.rate), tonumber(ARGV.burst))
local stopped_ms = (ARGV.stopped == '1' or ARGV.queue_all == '1') and now_ms or 0
redis.call('HSET', KEYS.line, 'epoch', epoch, 'rate', ARGV.rate, 'burst', ARGV.burst,
  'cap', ARGV.cap, 'session_ms', ARGV.session_ms, 'claim_ms', claim_ms,
  'first_hold_ms', ARGV.first_hold_ms, 'stock_permille', ARGV.stock_permille, 'mode', ARGV.mode,
  'queue_all', ARGV.queue_all, 'session_max_ms', ARGV.session_max_ms, 'stays', ARGV.stays,
  'stays_ms', ARGV.stays_ms, 'inside_admitted', ARGV.admitted, 'ceiling', ceiling,
  'issued', issued, 'lobby', ARGV.lobby, 'frozen', ARGV.frozen, 'serving', serving, 'gaps', gaps,
  'called', called, 'claimed', claimed, 'lapsed', lapsed, 'admitted', ARGV.admitted,
  'show_called', ARGV.show_called, 'show_shown', ARGV.show_shown, 'calls_from_ms', calls_from_ms,
  'lost_serving', rebuilt and serving or 0, 'tokens', tokens, 'tokens_ms', now_ms,
  'shift_ms', now_ms - clock_ms, 'stopped_ms', stopped_ms, 'resume_to', 'live', 'advanced_ms', 0,
  'lost_active', ARGV.active, 'lost_until_ms', now_ms + tonumber(ARGV.session_ms), 'share', 1,
  'draw', ARGV.draw, 'accumulator', accumulator, 'beacon', ARGV.beacon,
  'closed_ms', ARGV.closed_ms, 'sealed_ms', ARGV.sealed_ms)
return { CODE.OK, 0, now_ms }
