-- Gives places to the visitors who joined in one tick of one worker.
--
-- Atomic, because whether a place is in the lobby or in the line is decided by store time here, and
-- because numbers, ceiling and frontier move together. A batch never mixes lobby and line. On a
-- quiet sale (tokens, slots, stock, and nobody in line) the first of the batch are admitted at
-- once: they consume their numbers, `serving` moves past them, and their sessions open.
--
-- Where the order will be drawn, each batch that joins the lobby is chained into the accumulator,
-- so that it covers who joined, in which order, whatever the worker. The freeze ends the chain:
-- both happen here, so no place is in the lobby without being in the chain.
--
-- Invariants: a number is given once; no number above the ceiling that the ledger has committed;
-- nobody is admitted past a waiting or called visitor; places are given whole or refused whole,
-- except that a batch is cut at the ceiling and the caller comes back for the rest (in a lobby that
-- is drawn it is refused whole, since its digest is of the whole).
--
-- KEYS: sale events line active unheld calls shown deferred started
-- ARGV: epoch revision
--   count      integer, 1 to 1000
--   ceiling    integer, the highest number that the ledger is known to have committed
--   digest     hex, of the batch's nonces in their order; empty where nothing is drawn
--   passes...  pass ids of the batch's first visitors, for the case that the sale is quiet
-- Returns {code, revision, now_ms, JOINED}
--   JOINED_LOBBY     `first` is an index in the lobby, and nobody is admitted
--   JOINED_LINE      `first` is a number in the line
--   CEILING_REACHED  in place of JOINED what is issued: commit a higher ceiling and repeat
--   NOT_OPEN, DRAINING, SALE_CLOSED, LINE_SOLD_OUT, JOIN_REFUSED
-- Complexity: O(1) for those who wait; O(log active) for each one admitted
-- Events: line.called, pass.issued, draw.closed

-- include: calls

local FIELDS = { 'mode', 'issued', 'ceiling', 'frozen', 'lobby', 'serving', 'draw', 'accumulator' }
local count, ceiling, digest = tonumber(ARGV.count), tonumber(ARGV.ceiling), ARGV.digest
local keys = { KEYS.members }

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, SALE_FIELDS)
if refusal then return refusal end
local line = open_line(KEYS.line, FIELDS)

-- A draining sale that is paused takes no more visitors than one that is not.
local function drains()
  if sale.lifecycle == 'paused' then
    return open_line(KEYS.line, { 'resume_to' }).resume_to == 'draining'
  end
  return sale.lifecycle == 'draining'
end

local function refuses(phase)
  if is_closed(sale) then return CODE.SALE_CLOSED end
  if drains() then return CODE.DRAINING end
  if line.mode == MODE.REJECT then return CODE.JOIN_REFUSED end
  if phase == 'scheduled' then return CODE.NOT_OPEN end
  if phase == 'open' and is_line_sold_out(sale) then return CODE.LINE_SOLD_OUT end
  return nil
end

-- How many of the batch are admitted at once: none while anybody waits, or may wait with a number
-- out of a gap.
local function straight_through()
  local most = math.min(count, #ARGV - ARGV_AT.passes + 1)
  if most == 0 or line.issued > line.serving then return 0 end
  line = open_line(KEYS.line)
  local clock_ms = read_line_clock(line, sale.now_ms)
  if line.stopped_ms > 0 or clock_ms < line.calls_from_ms then return 0 end
  local pending = 0
  if may_come(line, clock_ms) then
    local _, expected = estimate_expected(line, KEYS.calls, KEYS.shown, KEYS.deferred, clock_ms)
    pending = math.ceil(expected)
  end
  local tokens, slots, stock = measure_room(sale, line, KEYS.active, KEYS.unheld)
  return math.max(0, math.min(most, math.floor(tokens - pending), slots - pending, stock - pending))
end

local function admit_first(first, admitted)
  local passes = {}
  for position = 1, admitted do passes[position] = ARGV[ARGV_AT.passes - 1 + position] end
  set_line(line, 'serving', first + admitted - 1)
  set_line(line, 'called', line.called + admitted)
  append_event(sale, KEYS.events, 'line.called', string.format('%.0f', first),
    { first = first, last = line.serving, count = admitted })
  return admit_passes(sale, line, keys, passes, first)
end

local phase = get_phase(sale, line)
local refused = refuses(phase)
if refused then return refuse(sale, refused) end
local drawn = phase == 'lobby' and line.draw == DRAW.TO_COME
local below = math.max(line.ceiling, ceiling) - line.issued
if below < 1 or (drawn and below < count) then
  return refuse(sale, CODE.CEILING_REACHED, line.issued)
end
count = math.min(count, below)

local raised = ceiling > line.ceiling
if phase == 'lobby' then
  local index = line.issued
  if raised then set_line(line, 'ceiling', ceiling) end
  set_line(line, 'issued', line.issued + count)
  if drawn then chain_lobby(line, string.format('%.0f:%.0f:%s', index, count, digest)) end
  save_line(line)
  return commit_sale(sale, CODE.JOINED_LOBBY, JOINED.of(first = index, count = count,
    called_upto = line.serving, issued = line.issued, admitted = 0, session_ms = 0, limit_ms = 0))
end

local admitted, ends_ms, limit_ms = straight_through(), 0, 0
if raised then set_line(line, 'ceiling', ceiling) end
if line.frozen == 0 then freeze_lobby(sale, line, keys.events) end
local first = line.issued + 1
set_line(line, 'issued', line.issued + count)
if admitted > 0 then ends_ms, limit_ms = admit_first(first, admitted) end
save_line(line)
return commit_sale(sale, CODE.JOINED_LINE, JOINED.of(first = first, count = count,
  called_upto = line.serving, issued = line.issued, admitted = admitted, session_ms = ends_ms,
  limit_ms = limit_ms))
