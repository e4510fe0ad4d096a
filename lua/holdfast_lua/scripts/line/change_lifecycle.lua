-- Opens, pauses, resumes, drains or closes a sale.
--
-- Atomic, because a pause must stop the line's clock in the same instant as it stops admissions:
-- otherwise calls would lapse that nobody could claim.
--
--   open    starts a sale that has not started, now; resumes a paused, reverses a draining one
--   pause   nobody is called or admitted; joins are taken unless it drains, holds and sessions go on
--   resume  back to what it was before the pause; deadlines of calls move by the time it took
--   drain   no more joins; whoever is in line is served
--   close   ends the sale for good
--
-- KEYS: sale line events
-- ARGV: epoch revision
--   operation  open, pause, resume, drain or close
-- Returns {code, revision, now_ms, LIFECYCLE}
--   OK
--   UNCHANGED    it was so before
--   SALE_CLOSED  nothing can be done with a closed sale any more
-- Complexity: O(1)
-- Events: draw.closed

-- include: line

local operation = ARGV.operation
local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, SALE_FIELDS)
if refusal then return refusal end
local line = open_line(KEYS.line)

-- The lifecycle that the operation leads to.
local function wanted()
  local now = sale.lifecycle
  if operation == 'open' then return 'live' end
  if operation == 'pause' then return 'paused' end
  if operation == 'drain' then return 'draining' end
  if operation == 'close' then return 'closed' end
  if operation ~= 'resume' then error('unknown operation ' .. operation) end
  if now ~= 'paused' then return now end
  return line.resume_to ~= '' and line.resume_to or 'live'
end

local lifecycle = wanted()
if is_closed(sale) then
  local same = sale.lifecycle == 'closed' and lifecycle == 'closed'
  if operation ~= 'close' then
    return refuse(sale, CODE.SALE_CLOSED, LIFECYCLE.values(sale))
  end
  if same then return answer(sale, CODE.UNCHANGED, LIFECYCLE.values(sale)) end
end
local starts = operation == 'open' and get_phase(sale, line) ~= 'open'
if lifecycle == sale.lifecycle and not starts then
  return answer(sale, CODE.UNCHANGED, LIFECYCLE.values(sale))
end

if lifecycle == 'paused' then set_line(line, 'resume_to', sale.lifecycle) end
if lifecycle ~= sale.lifecycle then set_sale(sale, 'lifecycle', lifecycle) end
if starts then
  set_sale(sale, 'opens_ms', sale.now_ms)
  freeze_lobby(sale, line, KEYS.events)
end
stop_or_start_clock(sale, line)
save_line(line)
return commit_sale(sale, CODE.OK, LIFECYCLE.values(sale))
