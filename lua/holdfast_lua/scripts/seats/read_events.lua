-- Reads a page of the events after a cursor and tells when events before it have been trimmed away.
--
-- KEYS: sale events
-- ARGV: epoch revision
--   after_epoch  of the cursor, -1 = from the oldest that is kept
--   after_seq    of the cursor
--   limit        how many at most
--
-- Returns {code, revision, now_ms, EVENTS_PAGE}; `last` is the newest event there is.
-- Complexity: O(log events + limit).
-- flags: no-writes

-- include: guard

local events_key = KEYS.events
local epoch, seq, limit = tonumber(ARGV.after_epoch), tonumber(ARGV.after_seq), tonumber(ARGV.limit)
local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, {})
if refusal then return refusal end
local after, trimmed = '-', 0
if epoch >= 0 then
  after = string.format('(%.0f-%.0f', epoch, seq)
  local first = redis.call('XRANGE', events_key, '-', '+', 'COUNT', 1)[1]
  local first_epoch, first_seq = sale.event_epoch, sale.seq + 1
  if first then
    first_epoch, first_seq = string.match(first[1], '^(%d+)-(%d+)$')
    first_epoch, first_seq = tonumber(first_epoch), tonumber(first_seq)
  end
  local ahead = epoch > sale.event_epoch or (epoch == sale.event_epoch and seq > sale.seq)
  local gone = epoch < first_epoch or (epoch == first_epoch and seq + 1 < first_seq)
  if ahead or gone then trimmed = 1 end
end
local entries = {}
if trimmed == 0 then entries = redis.call('XRANGE', events_key, after, '+', 'COUNT', limit) end
return answer(sale, CODE.OK, EVENTS_PAGE.of(last_epoch = sale.event_epoch, last_seq = sale.seq,
  trimmed = trimmed, entries = entries))
