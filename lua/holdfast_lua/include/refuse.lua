-- Refusals of scripts that may have swept before they refused.

-- include: stock

-- Whether anything is to be written: a sweep has found something, or units have moved.
local function stock_changed(sale)
  local changed = #sale.changes > 0
  for field, value in pairs(sale.before) do changed = changed or sale[field] ~= value end
  return changed
end

-- Answers a refusal, keeping what was swept on the way.
local function stock_refuse(sale, events_key, code, ...)
  if stock_changed(sale) then return stock_commit(sale, events_key, code, ...) end
  return guard_refuse(sale, code, ...)
end
