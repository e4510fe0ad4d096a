-- GCRA: a rate limit that stores one number, the theoretical arrival time (TAT) of the next
-- request.
--
-- A request every `every_ms` is in time for ever; `burst` of them may come at once. The answer is
-- that of redis-cell: whether it is limited, how many more may come now, in how many ms the next
-- may come (-1: at once), in how many ms the burst is whole again; and the TAT to store, which
-- a limited request leaves alone.

local function gcra(tat_ms, now_ms, every_ms, burst)
  local tat = math.max(tat_ms, now_ms)
  local tolerance_ms = every_ms * burst
  local allowed_ms = tat + every_ms - tolerance_ms
  if now_ms < allowed_ms then
    return true, 0, allowed_ms - now_ms, tat - now_ms, tat
  end
  tat = tat + every_ms
  return false, math.floor((tolerance_ms - (tat - now_ms)) / every_ms), -1, tat - now_ms, tat
end
