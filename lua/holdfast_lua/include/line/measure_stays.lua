-- Stays: how long visitors stay inside, for the estimate of a wait where the cap on them binds.
--
-- It is the time for which slots were taken over the number of sessions that ended, which is right
-- also while most have not ended yet. Measured from counters at most once a second, so that nothing
-- needs to be noted when a session begins or ends; what is remembered spans about two stays of as
-- many visitors as the cap allows.

-- include: line

local function note_stays(line, ended, taken_ms)
  local stays, total_ms = line.stays + ended, line.stays_ms + taken_ms
  local scale = math.min(1, math.max(CONST.STAYS_MEMORY_MIN, 2 * line.cap) / math.max(1, stays))
  set_line(line, 'stays', string.format('%.3f', stays * scale))
  set_line(line, 'stays_ms', string.format('%.0f', total_ms * scale))
end

local function measure_stays(line, active_key, now_ms)
  local since_ms = now_ms - line.inside_ms
  if since_ms >= 0 and since_ms < CONST.STAYS_EVERY_MS then return end
  local active = count_sessions(active_key, now_ms)
  if active == 0 and line.inside == 0 and line.admitted == line.inside_admitted then return end
  if line.inside_ms > 0 and since_ms > 0 then
    local ended = math.max(0, line.admitted - line.inside_admitted - active + line.inside)
    note_stays(line, ended, (line.inside + active) / 2 * since_ms)
  end
  set_line(line, 'inside', active)
  set_line(line, 'inside_admitted', line.admitted)
  set_line(line, 'inside_ms', now_ms)
end
