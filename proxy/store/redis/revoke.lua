-- revoke <key> <milliseconds> <channel> <name>
-- Returns for how many milliseconds the tombstone lasts.
local left = tonumber(ARGV[1])
if redis.call('GETRANGE', KEYS[1], 0, 0) == 'b' then
  left = math.max(left, redis.call('PTTL', KEYS[1]))
end
-- In a full server SET fails, except in a script that has written before: with
-- DEL first, signing out works then too.
redis.call('DEL', KEYS[1])
if left > 0 then
  redis.call('SET', KEYS[1], 'b', 'PX', string.format('%.0f', left))
end
redis.call('PUBLISH', ARGV[2], ARGV[3])
return left
