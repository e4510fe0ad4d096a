-- Which of the seats that stand in a buyer's way are in holds and orders of their own.

-- include: hold_change

local function own_seats(block, buyer, conflicts)
  local mine, own = {}, {}
  if #conflicts == 0 then return own end
  for id in string.gmatch(block.purses[buyer].ids, '%S+') do
    local value = block.made[id] or redis.call('HGET', block.keys.holds, id)
    local hold = value and hold_unpack(id, value)
    for _, seat in ipairs(hold and hold.seats or {}) do mine[seat] = true end
  end
  for _, seat in ipairs(conflicts) do
    if mine[seat] then own[#own + 1] = seat end
  end
  return own
end
