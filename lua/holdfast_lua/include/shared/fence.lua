-- The fence of an installation: which epoch may write the stock while there is no sale to guard.
--
-- It is `epoch nonce`. The nonce is drawn by whoever begins the epoch in this store and stays with
-- it on every replica, so it tells this store from another one that carries the same epoch.

-- The newest epoch that has begun to install, and its nonce; 0 and '' when none has.
local function read_fence(fence_key)
  local text = redis.call('GET', fence_key) or ''
  local epoch, nonce = string.match(text, '^(%d+) ?(%x*)$')
  return tonumber(epoch or 0), nonce or ''
end

-- Why this epoch may not install, nil when it may. UNCHANGED: it is installed already.
local function check_fence(sale_key, fence_key, epoch)
  local installed = tonumber(redis.call('HGET', sale_key, 'epoch') or nil) or 0
  if installed == epoch then
    return { FENCE.of(code = CODE.UNCHANGED, epoch = epoch, nonce = '') }
  end
  local newest = math.max(installed, (read_fence(fence_key)))
  if newest > epoch then
    return { FENCE.of(code = CODE.INSTALL_FENCED, epoch = newest, nonce = '') }
  end
  return nil
end
