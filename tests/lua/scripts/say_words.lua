-- Test script: appends words to a list, two for each call; calls of one tick join.
-- KEYS: sale said
-- ARGV: epoch revision
--   words...  two for each call; "raise" raises
-- joins: 4
-- Returns {{code, revision, how many calls came, place of the first word}, ...}: OK.

-- include: guard

local sale, refusal = open_sale(KEYS[1], ARGV[1], ARGV[2], {})
if refusal then return refusal end
for at = 3, #ARGV do
  if ARGV[at] == 'raise' then error('as asked') end
end
local answers = {}
for at = 3, #ARGV, 2 do
  local length = redis.call('RPUSH', KEYS[2], ARGV[at], ARGV[at + 1])
  answers[#answers + 1] = { CODE.OK, sale.revision + 1, (#ARGV - 2) / 2, length - 1 }
end
commit_sale(sale, CODE.OK)
return answers
