-- Tells which place an identity has, and gives it one when it has none.
--
-- Atomic, because of two joins of the same identity only one may win; the other's place is never
-- handed out. A place that cannot be claimed any more is replaced by comparing: the caller
-- names the place that it has seen.
--
-- A place is written as its ordinal, or `ordinal.turn` from the second place of the identity on.
-- Identities are kept in many small hashes, which the store packs into about 20 bytes for each.
--
-- KEYS: sale identities
-- ARGV: epoch revision
--   digest  bytes
--   seen    the place to replace, empty for none
--   place   the place to give, empty to give none
-- Returns {code, revision, now_ms, place}
--   OK         given now
--   UNCHANGED  the place that the identity has, empty when it has none
-- Complexity: O(n) in the identities that share a hash, a few hundred at most
-- Events: none

-- include: guard

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, {})
if refusal then return refusal end
local held = redis.call('HGET', KEYS.identities, ARGV.digest) or ''
if ARGV.place == '' or held ~= ARGV.seen then return answer(sale, CODE.UNCHANGED, held) end
redis.call('HSET', KEYS.identities, ARGV.digest, ARGV.place)
return commit_sale(sale, CODE.OK, ARGV.place)
