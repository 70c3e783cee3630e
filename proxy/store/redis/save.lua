-- save <key> <version that was read> <new version> <milliseconds> <entry>
-- Returns 1, or 0 for a conflict.
local head = redis.call('GETRANGE', KEYS[1], 0, 26)
local kind, version = head:sub(1, 1), ''
if kind == 'b' then return 0 end
if kind == 'r' and #head == 27 then version = head:sub(2) end
-- The same call, retried by a client that has not received the answer.
if version == ARGV[2] then return 1 end
if version ~= ARGV[1] then return 0 end
if ARGV[3] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[3])
end
return 1
