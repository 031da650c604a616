-- Makes a staged generation the newest one: the flip.
--
-- KEYS[1]  the lease        KEYS[2]  the manifest, a hash        KEYS[3]  the changes, a stream
-- ARGV[1]  owner            ARGV[2]  epoch            ARGV[3]  name of the commit, which begin.lua has noted
-- ARGV[4]  schema, ARGV[5] hash and ARGV[6] body of the manifest
-- ARGV[7]  generation
-- ARGV[8]  id of the newest change before this commit
-- ARGV[9]  how many of the newest changes are kept
-- ARGV[10] "anew" when an incarnation begins: changes of the one before are dropped
-- ARGV[11…] batches of changes: their number, then their content
--
-- Answers {"ok", time in microseconds}, or why not: {"fenced", owner, epoch}, or {"moved"} when another commit has begun
-- since. Fencing compares owner, epoch and name, never a clock. Since every commit begins by noting its name, the
-- manifest is still the one that this commit was built upon.
local typed = function(key, kind) return redis.call('TYPE', key).ok == kind end
if typed(KEYS[2], 'hash') then
  local newest = redis.call('HMGET', KEYS[2], 'commit', 'committed_at')
  if newest[1] == ARGV[3] then return {'ok', newest[2] or '0'} end -- the answer was lost, and this is the repetition
end
local lease = typed(KEYS[1], 'hash') and redis.call('HMGET', KEYS[1], 'owner', 'epoch', 'commit') or {}
if ARGV[1] == '' or lease[1] ~= ARGV[1] or lease[2] ~= ARGV[2] then return {'fenced', lease[1] or '', lease[2] or ''} end
if lease[3] ~= ARGV[3] then return {'moved'} end

local digits = function(n) return string.format('%.0f', n) end
if ARGV[10] == 'anew' or not typed(KEYS[3], 'stream') then redis.call('DEL', KEYS[3]) end
local last = tonumber(ARGV[8])
for i = 11, #ARGV, 2 do
  last = last + tonumber(ARGV[i])
  local entry = {KEYS[3], digits(last) .. '-0', 'generation', ARGV[7], 'count', ARGV[i], 'changes', ARGV[i + 1]}
  local failed = redis.pcall('XADD', unpack(entry))
  if type(failed) == 'table' and failed.err then
    if not string.find(failed.err, 'equal or smaller') then return failed end
    redis.call('DEL', KEYS[3]) -- a stranger has written there, and nothing could be appended any more
    redis.call('XADD', unpack(entry))
  end
end
local oldest = last - tonumber(ARGV[9]) + 1
if #ARGV > 10 and oldest > 0 then redis.call('XTRIM', KEYS[3], 'MINID', digits(oldest) .. '-0') end
local clock = redis.call('TIME')
local now = digits(clock[1] * 1000000 + clock[2])
if not typed(KEYS[2], 'hash') then redis.call('DEL', KEYS[2]) end
redis.call('HSET', KEYS[2], 'schema', ARGV[4], 'commit', ARGV[3], 'committed_at', now, 'hash', ARGV[5], 'body', ARGV[6])
return {'ok', now}
