-- lease <key> <token> <milliseconds>
-- answers 1 if the lease is the token's.
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
-- This very call, tried again by a client that did not hear the answer.
if redis.call('GET', KEYS[1]) == ARGV[1] then return 1 end
return 0
