-- Brings the sale hash to a later version of the settings: lifecycle and times.
--
-- Atomic, because whether the start may still move is decided by the store's clock in the same step:
-- once visitors are numbered, moving it would open the lobby again. Workers learn of the new version
-- through `settings_version` and read the rest from the ledger.
--
-- KEYS
--   1 sale  HASH  read and changed
-- ARGV
--   1 epoch
--   2 revision
--   3 settings_version  integer; not above the stored one: nothing to do
--   4 lifecycle         live, paused, draining or closed
--   5 prequeue_ms       0 = none
--   6 opens_ms          0 = open from the beginning
--   7 ends_ms           0 = none
--
-- Returns {code, revision, now_ms}: OK; UNCHANGED (this version or a later one is there);
-- SALE_OPENED (the start has passed and would be moved); STORE_BEHIND, EPOCH_CHANGED.
-- Complexity: O(1). Events: none.

-- include: guard

local sale, refusal = guard_open(KEYS[1], ARGV[1], ARGV[2], { 'settings_version', 'opens_ms' })
if refusal then return refusal end
local version, opens_ms = tonumber(ARGV[3]), tonumber(ARGV[6])
if version <= sale.settings_version then return guard_refuse(sale, CODE.UNCHANGED) end
if opens_ms ~= sale.opens_ms and sale.opens_ms <= sale.now_ms and opens_ms > sale.now_ms then
  return guard_refuse(sale, CODE.SALE_OPENED)
end
guard_set(sale, 'settings_version', version)
guard_set(sale, 'lifecycle', ARGV[4])
guard_set(sale, 'prequeue_ms', ARGV[5])
guard_set(sale, 'opens_ms', ARGV[6])
guard_set(sale, 'ends_ms', ARGV[7])
return guard_commit(sale, CODE.OK)
