-- Writes the sale hash: from this moment every guarded script works on the sale.
--
-- The last step of an installation and of a rebuild, which are the same thing: the line's and the
-- inventory's keys have been written before, and nobody could use them, since each guarded script
-- refuses while the hash is missing or of an older epoch. Atomic, because readers must see either
-- the old epoch or the whole new one, and because of two processes that install the same epoch only
-- the first may succeed. Revisions start above those of every earlier epoch (the caller's
-- `revision` is a function of the epoch), so that a client which compares revisions never takes
-- an older document for a newer one.
--
-- KEYS: sale events install_fence
-- ARGV: epoch revision
--   clock_ms          store time that must not be undercut
--   name              of the sale
--   lifecycle         live, paused, draining or closed
--   prequeue_ms       0 = none
--   opens_ms          0 = open from the beginning
--   ends_ms           0 = none
--   settings_version  integer
--   rebuilt           1 = after a loss, 0 = new
--   commitment        of the draw that is to come; empty where nothing is drawn
--   nonce             of the inventory that was installed; empty to install without looking
--   counter...        field, value, field, value: the counters as the inventory was installed
--
-- Returns {code, revision, now_ms}: OK; UNCHANGED when this epoch is installed already;
-- EPOCH_CHANGED {.., epoch} when a later one is; INSTALL_FENCED when the inventory was written to
-- another store than this one.
-- Complexity: O(fields).
-- Events: inventory.rebuilt {epoch} when `rebuilt`, else draw.committed {commitment, start} if any.

-- include: guard
-- include: events
-- include: fence

local sale_key, events_key = KEYS.sale, KEYS.events
local epoch, revision, clock_ms = tonumber(ARGV.epoch), tonumber(ARGV.revision), tonumber(ARGV.clock_ms)
local rebuilt = ARGV.rebuilt == '1'

local stored = redis.call('HMGET', sale_key, 'epoch', 'revision', 'clock_ms')
local stored_epoch = tonumber(stored[1]) or -1
local now_ms = math.max(read_clock_ms(), clock_ms, tonumber(stored[3]) or 0)
if stored_epoch >= epoch then
  local code = stored_epoch > epoch and CODE.EPOCH_CHANGED or CODE.UNCHANGED
  return { GUARD_REFUSAL.of(code = code, revision = tonumber(stored[2]), now_ms = now_ms,
    epoch = stored_epoch) }
end
local begun, nonce = read_fence(KEYS.install_fence)
if ARGV.nonce ~= '' and (begun ~= epoch or nonce ~= ARGV.nonce) then
  return { GUARD_REFUSAL.of(code = CODE.INSTALL_FENCED, revision = 0, now_ms = now_ms, epoch = begun) }
end

redis.call('DEL', sale_key)
local sale = {
  key = sale_key, epoch = epoch, revision = revision - 1, clock_ms = clock_ms, now_ms = now_ms,
  name = ARGV.name, event_epoch = epoch, seq = 0, changes = {},
}
set_sale(sale, 'epoch', ARGV.epoch)
set_sale(sale, 'event_epoch', ARGV.epoch)
local fields = { 'name', 'lifecycle', 'prequeue_ms', 'opens_ms', 'ends_ms', 'settings_version' }
for position = 1, #fields do
  set_sale(sale, fields[position], ARGV[ARGV_AT.name - 1 + position])
end
for at = ARGV_AT.counter, #ARGV, COUNTER.count do
  set_sale(sale, COUNTER.items(ARGV, at))
end
if rebuilt then
  sale.event_epoch = epoch
  append_event(sale, events_key, 'inventory.rebuilt', ARGV.name, { epoch = epoch })
elseif ARGV.commitment ~= '' then
  local opens_ms = tonumber(ARGV.opens_ms)
  append_event(sale, events_key, 'draw.committed', ARGV.name,
    { commitment = ARGV.commitment, start = opens_ms > 0 and format_time(opens_ms) or nil })
end
return commit_sale(sale, CODE.OK)
