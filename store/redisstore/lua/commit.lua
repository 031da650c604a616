-- Makes a staged generation the newest one: the flip.
--
-- KEYS[1]  the lease        KEYS[2]  the manifest, a hash        KEYS[3]  the changes, a stream
-- ARGV[1]  owner            ARGV[2]  epoch
-- ARGV[3]  schema of what is written
-- ARGV[4]  tick, in microseconds
-- ARGV[5]  incarnation and ARGV[6] generation that the commit was built upon ("" and "0": on nothing)
-- ARGV[7]  incarnation to begin, where there is none
-- ARGV[8]  name of this commit, to tell a repetition from another's commit
-- ARGV[9]  how many of the newest changes are kept
-- ARGV[10] the body of the manifest: the names of all objects
-- ARGV[11…] batches of changes: their number, then their content
--
-- Answers {"ok", incarnation, generation, last change, time in microseconds}, or why not: {"fenced", owner, epoch},
-- {"old", tick}, {"moved", incarnation, generation} when the manifest is not the one that was built upon, or
-- {"future", schema} when a later version has written it. Fencing compares owner and epoch, never a clock.
local kinds = {'hash', 'hash', 'stream'}
for i, key in ipairs(KEYS) do
  if redis.call('TYPE', key).ok ~= kinds[i] then redis.call('DEL', key) end
end
local digits = function(n) return string.format('%.0f', n) end
local lease = redis.call('HMGET', KEYS[1], 'owner', 'epoch')
local manifest = redis.call('HMGET', KEYS[2], 'schema', 'incarnation', 'generation', 'tick', 'commit', 'last_change', 'committed_at')
local incarnation, generation = manifest[2] or '', tonumber(manifest[3] or '0') or 0
local tick, last = tonumber(manifest[4] or '0') or 0, tonumber(manifest[6] or '0') or 0

if manifest[1] and tonumber(manifest[1]) and tonumber(manifest[1]) > tonumber(ARGV[3]) then return {'future', manifest[1]} end
if manifest[5] and manifest[5] == ARGV[8] then return {'ok', incarnation, digits(generation), digits(last), manifest[7] or '0'} end
if ARGV[1] == '' or (lease[1] or '') ~= ARGV[1] or (lease[2] or '') ~= ARGV[2] then return {'fenced', lease[1] or '', lease[2] or ''} end
if incarnation ~= '' and tonumber(ARGV[4]) <= tick then return {'old', digits(tick)} end
if incarnation ~= ARGV[5] or digits(generation) ~= ARGV[6] then return {'moved', incarnation, digits(generation)} end

if incarnation == '' then
  incarnation = ARGV[7]
  redis.call('DEL', KEYS[3])
end
for i = 11, #ARGV, 2 do
  last = last + tonumber(ARGV[i])
  redis.call('XADD', KEYS[3], digits(last) .. '-0', 'generation', digits(generation + 1), 'count', ARGV[i], 'changes', ARGV[i + 1])
end
local oldest = last - tonumber(ARGV[9]) + 1
if #ARGV > 10 and oldest > 0 then redis.call('XTRIM', KEYS[3], 'MINID', digits(oldest) .. '-0') end
local clock = redis.call('TIME')
local now = digits(clock[1] * 1000000 + clock[2])
redis.call('HSET', KEYS[2], 'schema', ARGV[3], 'incarnation', incarnation, 'generation', digits(generation + 1), 'epoch', ARGV[2],
  'owner', ARGV[1], 'tick', ARGV[4], 'commit', ARGV[8], 'committed_at', now, 'last_change', digits(last), 'body', ARGV[10])
return {'ok', incarnation, digits(generation + 1), digits(last), now}
