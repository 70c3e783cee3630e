-- lease <key> <token> <milliseconds>
-- Returns 1 if the lease belongs to the token.
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
-- The same call, retried by a client that has not received the answer.
if redis.call('GET', KEYS[1]) == ARGV[1] then return 1 end
return 0
