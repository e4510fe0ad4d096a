-- Ends overdue holds, at most so many.
--
-- Correctness does not depend on it: scripts that reserve sweep by themselves, and every other one
-- compares the deadline. It keeps the map and the events timely, and works off a long backlog in
-- several calls.
--
-- KEYS: sale events seats rows holds buyers due
-- ARGV: epoch revision
--   limit  how many at most
--
-- Returns {code, revision, now_ms, SWEEP}: OK, or UNCHANGED when nothing was due; `more` is 1
-- when some are left.
-- Complexity: O(limit x seats of the rows touched).
-- Events: hold.expired {buyer, seats, areas, total, reason} for each, inventory.reopened.
-- flags: allow-oom

-- include: sweep_holds

local keys = { KEYS.members }
local sale, refusal = open_inventory()
if refusal then return refusal end
if not has_overdue(sale) then return refuse(sale, CODE.UNCHANGED, SWEEP.of(ended = 0, more = 0)) end
local ended = sweep_holds(sale, keys, tonumber(ARGV.limit))
return commit_inventory(sale, keys.events, CODE.OK,
  SWEEP.of(ended = ended, more = has_overdue(sale) and 1 or 0))
