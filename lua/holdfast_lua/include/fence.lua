-- The fence of an installation: which epoch may write the stock while there is no sale to guard.

-- Why this epoch may not install, nil when it may. UNCHANGED: it is installed already.
local function fence_refusal(sale_key, fence_key, epoch)
  local installed = tonumber(redis.call('HGET', sale_key, 'epoch') or nil) or 0
  if installed == epoch then return { CODE.UNCHANGED, epoch } end
  local newest = math.max(installed, tonumber(redis.call('GET', fence_key) or nil) or 0)
  if newest > epoch then return { CODE.INSTALL_FENCED, newest } end
  return nil
end
