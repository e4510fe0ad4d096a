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
--   28 ranges          as read_calls.lua tells them; empty where nobody was outstanding
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

local arg = {}
for position = 1, #ARGV do arg[position] = tonumber(ARGV[position]) or 0 end
local now_ms = math.max(read_clock_ms(), arg[35])
local clock_ms = arg[32] > 0 and arg[32] or now_ms
local sale_epoch = tonumber(redis.call('HGET', KEYS[10], 'epoch')) or 0
local newest = math.max(tonumber(redis.call('HGET', KEYS[1], 'epoch')) or 0, sale_epoch)
if newest > arg[24] then return { CODE.INSTALL_FENCED, 0, now_ms } end
if sale_epoch == arg[24] then return { CODE.UNCHANGED, 0, now_ms } end
local rebuilt = arg[10] == 0
local issued, gaps = arg[12], ARGV[17]
local lobby_drawn = arg[25] == 1 and arg[14] == 0
if rebuilt and arg[11] > issued then
  if not lobby_drawn then
    gaps = gaps .. (gaps ~= '' and ',' or '') .. string.format('%.0f-%.0f', issued + 1, arg[11])
  end
  issued = arg[11]
end

redis.call('DEL', unpack(KEYS, 1, 9))
local last, called, lapsed = arg[15], arg[18], arg[20]
if arg[32] > 0 then
  if ARGV[30] ~= '' then redis.call('SETRANGE', KEYS[5], arg[29], ARGV[30]) end
  restore_ranges(KEYS[4], ARGV[28], clock_ms + arg[5])
  restore_deferred({ shown = KEYS[5], deferred = KEYS[6], retrying = KEYS[7], retried = KEYS[8] },
    ARGV[31], arg[5], clock_ms)
elseif rebuilt and last >= arg[16] then
  -- A checkpoint that knows no ranges: all that may be outstanding are called again.
  local again = last - arg[16] + 1 - count_missing(parse_gaps(gaps), arg[16] - 1, last)
  add_range(KEYS[4], arg[5], nil, arg[16], last, again, clock_ms)
  called = arg[19] + lapsed + again
end
local outstanding = called - arg[19] - lapsed
local calls_from_ms = outstanding > 0 and clock_ms + get_notice_ms({ claim_ms = arg[5] }) or 0

local accumulator = ARGV[26]
if rebuilt and lobby_drawn then
  accumulator = redis.sha1hex(accumulator .. ':epoch:' .. string.format('%.0f', arg[24]))
end
local stopped = (arg[23] == 1 or arg[9] == 1) and now_ms or 0
redis.call('HSET', KEYS[1], 'epoch', arg[24],
  'rate', arg[1], 'burst', arg[2], 'cap', arg[3], 'session_ms', arg[4], 'claim_ms', arg[5],
  'first_hold_ms', arg[6], 'stock_permille', arg[7], 'mode', arg[8], 'queue_all', arg[9],
  'session_max_ms', arg[38], 'stays', arg[39], 'stays_ms', arg[40], 'inside_admitted', arg[21],
  'ceiling', arg[11], 'issued', issued, 'lobby', arg[13], 'frozen', arg[14], 'serving', last,
  'gaps', gaps, 'called', called, 'claimed', arg[19], 'lapsed', lapsed, 'admitted', arg[21],
  'show_called', arg[33], 'show_shown', arg[34], 'calls_from_ms', calls_from_ms,
  'lost_serving', rebuilt and last or 0, 'tokens', rebuilt and 0 or get_most_tokens(arg[1], arg[2]),
  'tokens_ms', now_ms, 'shift_ms', now_ms - clock_ms, 'stopped_ms', stopped, 'resume_to', 'live',
  'advanced_ms', 0, 'lost_active', arg[22], 'lost_until_ms', now_ms + arg[4], 'share', 1,
  'draw', arg[25], 'accumulator', accumulator, 'beacon', ARGV[27],
  'closed_ms', arg[36], 'sealed_ms', arg[37])
return { CODE.OK, 0, now_ms }
