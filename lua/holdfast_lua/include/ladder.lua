-- The rungs after the first: see pick.lua.

-- include: picked
-- include: split

-- Picks for a choice that the first rung could not serve; nil, or the code that says why nothing.
local function ladder(sale, keys, choice, row_bytes, hold)
  local levels, quantity = sale.levels, choice.quantity
  local enough = pick_bytes(choice, levels, quantity)
  local row, start = pick_together(keys, levels, choice, row_bytes, enough, true)
  if row then return picked_take(hold, levels, choice.prices, row, start, quantity) end
  -- A party is not split while holds that are overdue may still have a row for it.
  if stock_overdue(sale) then return CODE.SWEEP_AGAIN end
  local takes = quantity > 3 and split(keys, levels, choice, row_bytes)
  if takes then
    for _, take in ipairs(takes) do
      picked_take(hold, levels, choice.prices, take.row, take.start, take.count)
    end
    return nil
  end
  local any = pick_next(row_bytes, pick_bytes(choice, levels, 1), choice.places, 1)
  return any and CODE.NOT_ENOUGH_TOGETHER or CODE.SOLD_OUT
end
