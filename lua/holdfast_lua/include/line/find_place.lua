-- Finds whether a place can be claimed now, by the same checks for claiming and for checking.
-- Whether the ticket has a live session is looked up before, since that does not need the line.
--
-- Answers a code and what goes with it:
--   NOT_CALLED       nothing: its number is above `serving`
--   CALLED           the call's deadline by the line's clock, and whether it was deferred before; or
--                    false and true: it was served before a store loss, and its session, which is
--                    known by number only, can be taken up
--   CALL_EXPIRED     nothing: the call lapsed, the session ended, or another ticket has the place

-- include: calls

-- The member of `returned` by which the session of a number, or of a pass, has been taken up.
local function get_return_marks(sale, number, pass_id)
  local epoch = string.format('%.0f:', sale.epoch)
  return epoch .. pass_id, epoch .. '#' .. string.format('%.0f', number)
end

local function can_return(sale, line, keys, number, pass_id)
  if number > line.lost_serving or line.lost_active < 1 or sale.now_ms >= line.lost_until_ms then
    return false
  end
  local marks = redis.call('SMISMEMBER', keys.returned, get_return_marks(sale, number, pass_id))
  return marks[1] == 0 and marks[2] == 0
end

local function find_place(sale, line, keys, number, pass_id)
  if get_phase(sale, line) ~= 'open' or number > line.serving then return CODE.NOT_CALLED end
  local clock_ms = read_line_clock(line, sale.now_ms)
  if redis.call('GETBIT', keys.shown, number) == 1 then
    local until_ms = tonumber(redis.call('ZSCORE', keys.deferred, number))
    if until_ms and until_ms > clock_ms then return CODE.CALLED, until_ms, true end
    if not until_ms and can_return(sale, line, keys, number, pass_id) then
      return CODE.CALLED, clock_ms + line.lost_until_ms - sale.now_ms, false, true
    end
    return CODE.CALL_EXPIRED
  end
  local range = find_range(keys.calls, number)
  if range and range.deadline_ms > clock_ms then return CODE.CALLED, range.deadline_ms, false end
  return CODE.CALL_EXPIRED
end
