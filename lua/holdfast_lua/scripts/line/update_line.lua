-- Changes the settings of a line while it runs.
--
-- Atomic, because tokens up to now belong to the old rate: they are settled before the new one
-- applies, so that a change adds no tokens for time before it.
--
-- KEYS: sale line events
-- ARGV: epoch revision
--   settings_version  integer, of the specification in the ledger that this comes from
--   prequeue_ms       integer, 0 = none
--   opens_ms          integer, 0 = at once
--   ends_ms           integer, 0 = never
--   rate_per_minute   passes per minute
--   burst             passes
--   cap               sessions
--   session_ms        integer
--   claim_ms          integer
--   first_hold_ms     integer
--   stock_permille    integer, 1000 = one visitor per free unit
--   mode              0 line, 1 pass through, 2 reject
--   queue_all         0 or 1
--   session_max_ms    integer, 0 = no end to renewing
-- Returns {code, revision, now_ms}
--   OK
--   UNCHANGED     an older version than the store's: a later change has overtaken this one
--   ALREADY_OPEN  the sale has opened; its start is what it was and cannot be moved any more
-- Complexity: O(1)
-- Events: draw.start_moved

-- include: line

local SETTINGS = { 'rate', 'burst', 'cap', 'session_ms', 'claim_ms', 'first_hold_ms',
  'stock_permille', 'mode', 'queue_all', 'session_max_ms' }

local version, opens_ms = tonumber(ARGV.settings_version), tonumber(ARGV.opens_ms)
local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, SALE_FIELDS)
if refusal then return refusal end
local line = open_line(KEYS.line)
if version < sale.settings_version then return answer(sale, CODE.UNCHANGED) end
local moved = opens_ms ~= sale.opens_ms
if moved and get_phase(sale, line) == 'open' then
  return refuse(sale, CODE.ALREADY_OPEN)
end

set_line(line, 'tokens', count_tokens(line, sale.now_ms))
set_line(line, 'tokens_ms', sale.now_ms)
for position, field in ipairs(SETTINGS) do
  set_line(line, field, tonumber(ARGV[ARGV_AT.rate_per_minute - 1 + position]))
end
stop_or_start_clock(sale, line)
set_line(line, 'tokens', count_tokens(line, sale.now_ms))
set_sale(sale, 'settings_version', version)
set_sale(sale, 'prequeue_ms', tonumber(ARGV.prequeue_ms))
set_sale(sale, 'opens_ms', opens_ms)
set_sale(sale, 'ends_ms', tonumber(ARGV.ends_ms))
save_line(line)
if moved and line.draw == DRAW.TO_COME then
  append_event(sale, KEYS.events, 'draw.start_moved', sale.name,
    { start = opens_ms > 0 and format_time(opens_ms) or nil })
end
return commit_sale(sale, CODE.OK)
