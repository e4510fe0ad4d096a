-- Refusals of scripts that may have swept before they refused.

-- include: stock

-- Answers a refusal, keeping what was swept on the way.
local function stock_refuse(sale, events_key, code, ...)
  local swept = #sale.changes > 0
  for field, value in pairs(sale.before) do swept = swept or sale[field] ~= value end
  if swept then return stock_commit(sale, events_key, code, ...) end
  return guard_refuse(sale, code, ...)
end
