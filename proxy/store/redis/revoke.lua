-- bury <key> <milliseconds> <channel> <name>
-- answers for how many milliseconds the name is buried.
local left = tonumber(ARGV[1])
if redis.call('GETRANGE', KEYS[1], 0, 0) == 'b' then
  left = math.max(left, redis.call('PTTL', KEYS[1]))
end
-- A server that is full refuses to write unless something has been written
-- before: who signs out must be able to also then.
redis.call('DEL', KEYS[1])
if left > 0 then
  redis.call('SET', KEYS[1], 'b', 'PX', string.format('%.0f', left))
end
redis.call('PUBLISH', ARGV[2], ARGV[3])
return left
