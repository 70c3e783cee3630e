-- delete <key>
-- A tombstone stays.
if redis.call('GETRANGE', KEYS[1], 0, 0) == 'b' then return 0 end
return redis.call('DEL', KEYS[1])
