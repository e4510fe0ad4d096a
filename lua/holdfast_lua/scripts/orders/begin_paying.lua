-- The buyer goes to pay: active -> paying, and the deadline moves to the hold's latest time.
--
-- Atomic with the check of owner, version and deadline. From here on the ledger knows the hold.
--
-- KEYS
--   1 sale    HASH    guard, lifecycle, counters
--   2 events  STREAM  gains hold.extended
--   3 holds   HASH    the hold
--   4 due     ZSET    deadlines
--   5 active  ZSET    sessions
-- ARGV
--   1 epoch     integer
--   2 revision  integer
--   3 hold_id   text
--   4 owner     buyer who asks, empty = platform
--   5 version   that the caller has seen, 0 = any
--
-- Returns {code, revision, now_ms, hold}: OK; UNCHANGED when it is paying already; HOLD_UNKNOWN,
-- NOT_OWNER, HOLD_EXPIRED, HOLD_RELEASED, HOLD_CHANGED; HOLD_STATE once it is being confirmed.
-- Complexity: O(log holds).
-- Events: hold.extended {buyer, seats, areas, total, expires_ms}.

-- include: hold_change
-- include: session

local events_key, holds_key, due_key, active_key = KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local sale, refusal = stock_open()
if refusal then return refusal end
local hold = hold_load(holds_key, ARGV[3])
if hold and hold.status == PAYING and not hold_overdue(hold, sale.now_ms)
  and (ARGV[4] == '' or ARGV[4] == hold.buyer) then
  return guard_refuse(sale, CODE.UNCHANGED, hold_pack(hold))
end
local why = hold_refusal(hold, ARGV[4], tonumber(ARGV[5]), sale.now_ms)
if why then return guard_refuse(sale, why) end
if hold.status ~= ACTIVE then return guard_refuse(sale, CODE.HOLD_STATE, hold_pack(hold)) end
hold.status, hold.ledger, hold.expires_ms = PAYING, 1, hold.latest_ms
due_set(sale, due_key, hold.id, hold.expires_ms)
hold_save(holds_key, hold)
if hold.pass_id ~= '' then session_extend(active_key, hold.pass_id, hold.expires_ms) end
hold_event(sale, events_key, 'hold.extended', hold, { expires_ms = hold.expires_ms })
return stock_commit(sale, events_key, CODE.OK, hold.value)
