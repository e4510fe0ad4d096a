-- The rungs after the first: see pick.lua.

-- include: stock
-- include: picked
-- include: split

-- Picks for a choice that the first rung could not serve; nil, or the code that says why nothing.
local function ladder(sale, house, choice, hold)
  local levels, quantity = house.levels, choice.quantity
  local row, start = pick_together(house, choice, pick_bytes(choice, levels, quantity), true)
  if row then return picked_take(house, hold, choice.prices, row, start, quantity) end
  -- A party is not split while holds that are overdue may still have a row for it.
  if stock_overdue(sale) then return CODE.SWEEP_AGAIN end
  local takes = quantity > 3 and split(house, choice)
  if takes then
    for _, take in ipairs(takes) do
      picked_take(house, hold, choice.prices, take.row, take.start, take.count)
    end
    return nil
  end
  local any = pick_next(house, pick_bytes(choice, levels, 1), choice.places, 1)
  return any and CODE.NOT_ENOUGH_TOGETHER or CODE.SOLD_OUT
end
