-- Seals the draw: from here on the lobby has an order, and the line may move.
--
-- The ledger has fixed the same values before, so that no loss of the store can lead to another
-- order than the one that was shown. A script, because the values must be those of the frozen lobby
-- at this moment and not of a store that has gone back meanwhile.
--
-- KEYS: sale line events
-- ARGV: epoch revision
--   entrants     integer, places in the lobby
--   accumulator  hex
--   beacon       the beacon's value; empty when there is none
--   closed_ms    integer, when the lobby was closed, as the ledger has it; 0 for unknown
--   sealed_ms    integer, when the ledger has sealed it
-- Returns {code, revision, now_ms}
--   OK
--   UNCHANGED      it was sealed before
--   DRAW_MISMATCH  this store's lobby is another than the one that was sealed
-- Complexity: O(1)
-- Events: draw.sealed

-- include: line

local FIELDS = { 'frozen', 'lobby', 'draw', 'accumulator' }
local entrants, accumulator, beacon = tonumber(ARGV.entrants), ARGV.accumulator, ARGV.beacon

local sale, refusal = open_sale(KEYS.sale, ARGV.epoch, ARGV.revision, SALE_FIELDS)
if refusal then return refusal end
local line = open_line(KEYS.line, FIELDS)
if line.draw == DRAW.SEALED then return answer(sale, CODE.UNCHANGED) end
if line.frozen == 0 or line.lobby ~= entrants or line.accumulator ~= accumulator then
  return refuse(sale, CODE.DRAW_MISMATCH)
end
set_line(line, 'draw', DRAW.SEALED)
set_line(line, 'beacon', beacon)
set_line(line, 'closed_ms', tonumber(ARGV.closed_ms))
set_line(line, 'sealed_ms', tonumber(ARGV.sealed_ms))
save_line(line)
append_event(sale, KEYS.events, 'draw.sealed', sale.name, { entrants = entrants,
  accumulator = accumulator, beacon = beacon ~= '' and beacon or nil })
return commit_sale(sale, CODE.OK)
