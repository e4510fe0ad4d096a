-- A place: what a number is worth right now, decided in one order for claiming and for asking. Whether
-- the very ticket has a live session is looked up before, since that needs nothing of the line.
--
-- Answers a code and what goes with it:
--   NOT_CALLED       nothing: its turn is yet to come
--   CALLED           the call's deadline by the line's clock, and whether it was deferred before
--   CALL_EXPIRED     nothing: the call lapsed, the session ended, or another ticket has the place

-- include: calls

local function place_find(sale, line, keys, number)
  if line_phase(sale, line) ~= 'open' or number > line.serving then return CODE.NOT_CALLED end
  local clock_ms = line_clock(line, sale.now_ms)
  if redis.call('GETBIT', keys.shown, number) == 1 then
    local until_ms = tonumber(redis.call('ZSCORE', keys.deferred, number))
    if until_ms and until_ms > clock_ms then return CODE.CALLED, until_ms, true end
    return CODE.CALL_EXPIRED
  end
  local range = calls_find(keys.calls, number)
  if range and range.deadline_ms > clock_ms then return CODE.CALLED, range.deadline_ms, false end
  return CODE.CALL_EXPIRED
end
