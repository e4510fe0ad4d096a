-- Events: records of changes, each written in the same atomic step as the change.
--
-- The stream id IS the public cursor: `<event_epoch>-<seq>`, where seq counts from 1 without a gap
-- within an event epoch and a rebuild starts a new one. A reader who has had every cursor has
-- missed no event. The body is a msgpack map with the fields of CloudEvents.
--
--   append_event(sale, KEYS.events, 'hold.created', hold_id, { items = items })
--
-- `sale` comes from open_sale; the new seq is written by commit_sale, so append only before it and
-- never on a path that refuses. An empty Lua table packs as an array: leave empty maps out of
-- `data`.

-- include: guard

local EVENTS_KEPT_MAX, TRIM_EVERY = 200000, 100
local SIX_MEMBERS = '\134'  -- how a msgpack map of six begins

-- 1700000000123 -> '2023-11-14T22:13:20.123Z' (days to civil date, Howard Hinnant's algorithm).
-- Remainders instead of math.floor where they do: a call costs ten times an operator here.
local function format_time(ms)
  local floor = math.floor
  local milliseconds = ms % 1000
  local seconds = (ms - milliseconds) / 1000
  local time_of_day = seconds % 86400
  local shifted = (seconds - time_of_day) / 86400 + 719468
  local day_of_era = shifted % 146097
  local year_of_era = floor((day_of_era - floor(day_of_era / 1460) + floor(day_of_era / 36524)
    - floor(day_of_era / 146096)) / 365)
  local day_of_year = day_of_era
    - (365 * year_of_era + floor(year_of_era / 4) - floor(year_of_era / 100))
  local march_month = floor((5 * day_of_year + 2) / 153)
  local day = day_of_year - floor((153 * march_month + 2) / 5) + 1
  local month = march_month < 10 and march_month + 3 or march_month - 9
  local year = year_of_era + (shifted - day_of_era) / 146097 * 400 + (month <= 2 and 1 or 0)
  local second_of_hour = time_of_day % 3600
  local second = second_of_hour % 60
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', year, month, day,
    (time_of_day - second_of_hour) / 3600, (second_of_hour - second) / 60, second, milliseconds)
end

-- What the events of one script have in common, made once.
local function get_event_frame(sale)
  local frame = sale.event_frame
  if not frame then
    local cursor = sale.event_epoch .. '-'
    frame = { cursor = cursor, id = string.match(sale.key, '{(.-)}') .. '.' .. cursor,
      packed = cmsgpack.pack('time', format_time(sale.now_ms), 'sale', sale.name, 'data'),
      kinds = {} }
    sale.event_frame = frame
  end
  return frame
end

-- As append_event, with data that is packed already. What is the same in many events is packed
-- once: each value that is packed costs as much as three strings that are joined. Some events trim
-- the stream as well, by whole nodes of about a hundred entries; all of them would cost more.
local function append_packed_event(sale, events_key, kind, subject, data)
  local frame, pack = get_event_frame(sale), cmsgpack.pack
  sale.seq = sale.seq + 1
  local seq = string.format('%d', sale.seq)
  local packed_kind = frame.kinds[kind]
  if not packed_kind then
    packed_kind = pack('type', kind, 'subject')
    frame.kinds[kind] = packed_kind
  end
  local body = SIX_MEMBERS .. TEXT.id .. pack(frame.id .. seq) .. packed_kind .. pack(subject)
    .. frame.packed .. data
  local cursor = frame.cursor .. seq
  if sale.seq % TRIM_EVERY == 0 then
    redis.call('XADD', events_key, 'MAXLEN', '~', EVENTS_KEPT_MAX, cursor, 'seq', seq,
      'type', kind, 'body', body)
  else
    redis.call('XADD', events_key, cursor, 'seq', seq, 'type', kind, 'body', body)
  end
  if sale.seq_change then
    sale.changes[sale.seq_change] = sale.seq
  else
    set_sale(sale, 'seq', sale.seq)
    sale.seq_change = #sale.changes
  end
  return cursor
end

local function append_event(sale, events_key, kind, subject, data)
  return append_packed_event(sale, events_key, kind, subject, cmsgpack.pack(data))
end
