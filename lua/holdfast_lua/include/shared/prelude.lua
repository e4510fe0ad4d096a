-- Short names for what inner loops call: a local is looked at in a tenth of the time of a field.
--
-- Few, because every function that uses one carries it: to make a closure with a local from the top of
-- a script takes as long as seven looks at `redis.call`, which is written out therefore. See
-- docs/adr/0018.

local byte, char, find, sub = string.byte, string.char, string.find, string.sub
