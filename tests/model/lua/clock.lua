-- The clock of the model's runs: the time that the schedule says it is, and no other.

local function read_clock_ms()
  return tonumber(redis.call('GET', 'hf:model:now_ms'))
end
