-- The guard: refuses to act on a sale about which the store knows less than the caller has seen.
--
-- A store can lose acknowledged writes (failover, an old snapshot, FLUSHALL). The caller therefore
-- sends the sale's epoch and the last revision it has seen; when the store's are lower, or the sale
-- is not there at all, the script answers STORE_BEHIND and writes nothing. No script creates a sale
-- implicitly.
--
--   local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, {'free', 'held'})
--   if refusal then return refusal end
--   ... validate everything ...
--   set_sale(sale, 'free', sale.free - 1)
--   return commit_sale(sale, CODE.OK, sale.free)
--
-- `sale` carries the fields asked for as numbers (0 when unset; `lifecycle`, `name` and `apart` are
-- strings), `now_ms`, and the guard's own `key epoch revision clock_ms`. Replies are {REPLY,
-- ...}. The revision grows by exactly one for each commit and never otherwise;
-- now_ms never falls below the largest time stored for the sale, so a failover to a machine with a
-- slow clock does not set it back.

-- include: clock

local OWN_FIELDS = 6
local SALE_TEXTS = { lifecycle = true, name = true, apart = true }

local function open_sale(key, caller_epoch, caller_revision, fields)
  local stored = redis.call('HMGET', key, 'epoch', 'revision', 'clock_ms', 'name', 'event_epoch',
    'seq', unpack(fields))
  local epoch, revision = tonumber(stored[1]) or -1, tonumber(stored[2]) or 0
  local clock_ms = tonumber(stored[3]) or 0
  local now_ms = math.max(read_clock_ms(), clock_ms)
  local known_epoch, known_revision = tonumber(caller_epoch), tonumber(caller_revision)
  local code
  if epoch < known_epoch or (epoch == known_epoch and revision < known_revision) then
    code = CODE.STORE_BEHIND
  elseif epoch > known_epoch then
    code = CODE.EPOCH_CHANGED
  end
  if code then return nil, { GUARD_REFUSAL.names } end
  local sale = {
    key = key, epoch = epoch, revision = revision, clock_ms = clock_ms, now_ms = now_ms,
    name = stored[4] or '', event_epoch = tonumber(stored[5]) or 0, seq = tonumber(stored[6]) or 0,
    changes = {},
  }
  for position = 1, #fields do
    local field, value = fields[position], stored[position + OWN_FIELDS]
    if SALE_TEXTS[field] then
      sale[field] = value or ''
    else
      sale[field] = tonumber(value) or 0
    end
  end
  return sale
end

-- Changes a field of the sale hash; written by the commit, all fields in one command.
local function set_sale(sale, field, value)
  local changes = sale.changes
  sale[field] = value
  changes[#changes + 1] = field
  changes[#changes + 1] = value
end

-- Writes what changed, moves the revision up by one and answers.
local function commit_sale(sale, code, ...)
  sale.revision = sale.revision + 1
  redis.call('HSET', sale.key, 'revision', sale.revision, 'clock_ms', sale.now_ms,
    unpack(sale.changes))
  return { REPLY.of(code = code, revision = sale.revision, now_ms = sale.now_ms), ... }
end

-- Answers without a write: a refusal, a plain read, or a call that found nothing to do.
local function refuse(sale, code, ...)
  return { REPLY.of(code = code, revision = sale.revision, now_ms = sale.now_ms), ... }
end

local answer = refuse
