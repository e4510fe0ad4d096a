-- Tells what a ticket is worth, without claiming it: a visitor who joins again keeps a live place.
--
-- A script, because the answer takes the call's range, the number's bit and the session together.
--
-- KEYS
--   1 sale      HASH    guard, lifecycle, times; the sale's life
--   2 line      HASH    counters and settings; the sale's life
--   3 active    ZSET    pass id -> session deadline
--   4 calls     ZSET    ranges called and not ended
--   5 shown     STRING  bit per number that came to claim
--   6 deferred  ZSET    number -> deadline of who came and found no room
--   7 returned  SET     who came back after a store loss, by epoch
-- ARGV
--   1 epoch     integer
--   2 revision  integer
--   3 number    integer from 1
--   4 pass_id   the only pass that this ticket can become
-- flags: no-writes
-- Returns {code, revision, now_ms, ...}
--   NOT_CALLED, CALLED, CALL_EXPIRED
--   ADMITTED_BEFORE  session deadline ms
-- Complexity: O(log n) in ranges called and sessions
-- Events: none

-- include: find_place

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, SALE_FIELDS)
if refusal then return refusal end
local session_ms = read_session_deadline(KEYS.active, ARGV.pass_id, sale.now_ms)
if session_ms then return answer(sale, CODE.ADMITTED_BEFORE, session_ms) end
local line = open_line(KEYS.line, { 'frozen', 'serving', 'stopped_ms', 'shift_ms',
  'advanced_ms', 'called', 'claimed', 'lapsed', 'interval_ms', 'interval_before_ms',
  'lost_active', 'lost_until_ms', 'lost_serving' })
local keys = { KEYS.members }
local code, deadline_ms = find_place(sale, line, keys, tonumber(ARGV.number), ARGV.pass_id)
return answer(sale, code, deadline_ms or 0)
