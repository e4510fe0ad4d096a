"""One typed call for each script, and what Python and Lua both know: keys, codes, records."""
