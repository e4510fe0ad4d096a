-- Ends the session of a pass: its slot is free at once, and the pass is not valid any more.
--
-- Atomic, because the slot is freed exactly once, with one event, whoever ends it first.
--
-- KEYS: sale events active unheld started
-- ARGV: epoch revision
--   pass_id  text
--   reason   released or revoked
-- flags: allow-oom
-- Returns {code, revision, now_ms}
--   OK         ended now
--   UNCHANGED  was over before
-- Complexity: O(log active)
-- Events: pass.ended

-- include: events
-- include: sessions

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, {})
if refusal then return refusal end
local live = read_session_deadline(KEYS.active, ARGV.pass_id, sale.now_ms)
if redis.call('ZREM', KEYS.active, ARGV.pass_id) == 0 then return answer(sale, CODE.UNCHANGED) end
redis.call('ZREM', KEYS.unheld, ARGV.pass_id)
redis.call('ZREM', KEYS.started, ARGV.pass_id)
append_event(sale, KEYS.events, 'pass.ended', ARGV.pass_id,
  { reason = live and ARGV.reason or 'expired' })
return commit_sale(sale, live and CODE.OK or CODE.UNCHANGED)
