-- Runs the rate limit on values of a test.
--
-- KEYS: none
-- ARGV:
--   tat_ms    number
--   now_ms    number
--   every_ms  number
--   burst     integer
-- flags: no-writes
-- Returns {limited, remaining, retry_ms, reset_ms, tat_ms}, as text

-- include: gcra

local limited, left, retry_ms, reset_ms, tat_ms = gcra(tonumber(ARGV[1]), tonumber(ARGV[2]),
  tonumber(ARGV[3]), tonumber(ARGV[4]))
return { limited and 1 or 0, tostring(left), tostring(retry_ms), tostring(reset_ms), tostring(tat_ms) }
