-- Begins a commit: makes sure that it may be, and tells what it is built upon.
--
-- KEYS[1]  the lease        KEYS[2]  the manifest, a hash
-- ARGV[1]  owner            ARGV[2]  epoch            ARGV[3]  name of the commit
--
-- Answers {"ok" or "fenced", owner, epoch, time in microseconds, schema, commit, committed_at, hash, body}: the newest lease,
-- the clock, and the manifest, whose fields are "" where there is none. The name is noted with the lease, and no commit begun before can be flipped
-- from then on, even if it is still on its way: what it would name may be swept.
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end
redis.call('HDEL', KEYS[1], 'nothing') -- after a write that takes no memory Redis allows others, even when it is full
local lease = redis.call('HMGET', KEYS[1], 'owner', 'epoch')
local clock = redis.call('TIME')
local answer = {'fenced', lease[1] or '', lease[2] or '', string.format('%.0f', clock[1] * 1000000 + clock[2])}
if ARGV[1] ~= '' and answer[2] == ARGV[1] and answer[3] == ARGV[2] then
  answer[1] = 'ok'
  redis.call('HSET', KEYS[1], 'commit', ARGV[3])
end
if redis.call('TYPE', KEYS[2]).ok == 'hash' then
  for i, value in ipairs(redis.call('HMGET', KEYS[2], 'schema', 'commit', 'committed_at', 'hash', 'body')) do answer[4 + i] = value or '' end
end
return answer
