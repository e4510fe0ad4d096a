-- Notes which visitors asked for their place in a window of time, and counts those who still wait.
--
-- Every worker calls it once per window with a bit for each visitor who asked it, so presence costs
-- a bit per visitor and no call per poll. Atomic, because the count must be of the bits of all
-- workers that have reported. The bits are joined by the store's own string commands: a million
-- visitors are 125 kB and some tens of microseconds.
--
-- KEYS: sale line present_scratch present
-- ARGV: epoch revision
--   window  integer, number of the window since 1970
--   offset  integer, bytes before the first bit given
--   bits    bytes, the bit of ordinal n at n of the whole; may be empty
-- Returns {code, revision, now_ms, present}
--   OK
--   UNCHANGED  a later window has been counted already
-- Complexity: O(bytes) of the bitmap
-- Events: none

-- include: line

local window, offset, bits = tonumber(ARGV.window), tonumber(ARGV.offset), ARGV.bits

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, {})
if refusal then return refusal end
local line = open_line(KEYS.line, { 'serving', 'issued', 'present', 'present_window' })
if window < line.present_window then
  return answer(sale, CODE.UNCHANGED, line.present)
end
if #bits > 0 then
  redis.call('SETRANGE', KEYS.present_scratch, offset, bits)
  redis.call('BITOP', 'OR', KEYS.present, KEYS.present, KEYS.present_scratch)
  redis.call('PEXPIRE', KEYS.present, CONST.PRESENCE_KEPT_MS)
  redis.call('DEL', KEYS.present_scratch)
end
local present = 0
if line.issued > line.serving then
  present = redis.call('BITCOUNT', KEYS.present, string.format('%.0f', line.serving + 1),
    string.format('%.0f', line.issued), 'BIT')
end
set_line(line, 'present', present)
set_line(line, 'present_window', window)
save_line(line)
return commit_sale(sale, CODE.OK, present)
