-- Short names for what is called in inner loops: a local costs a tenth of a look in a global table.
--
-- Few, because every function that uses one carries it: to make a closure with three of them costs
-- as much as ten looks. What is called once in a function, `redis.call` above all, is written out.

local byte, char, find, sub = string.byte, string.char, string.find, string.sub
