-- Grants, renews or releases the grading lease.
--
-- KEYS[1]  the lease: a hash of owner, epoch (decimal), expires and ttl (microseconds; by this server's clock)
-- ARGV[1]  "acquire", "renew" or "release"
-- ARGV[2]  owner
-- ARGV[3]  epoch (renew, release)
-- ARGV[4]  time to live in microseconds (acquire, renew)
--
-- Answers {"granted", epoch}, {"ok", epoch}, {"held", owner, epoch, microseconds left} or {"stale", owner, epoch}.
-- A lease that has expired, but that nobody else has got since, is renewed. Another grant has a higher epoch: the next
-- one, or the time in microseconds if that is more, so that a server that forgot a grant cannot give the same again.
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end
redis.call('HDEL', KEYS[1], 'nothing') -- after a write that takes no memory Redis allows others, even when it is full
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local lease = redis.call('HMGET', KEYS[1], 'owner', 'epoch', 'expires', 'ttl')
local number = function(text) -- what cannot be one of ours is none
  local n = tonumber(text or '0') or 0
  return n >= 0 and n < 2 ^ 53 and n or 0
end
local owner, epoch, expires, ttl = lease[1] or '', number(lease[2]), number(lease[3]), number(lease[4])
local digits = function(n) return string.format('%.0f', n) end
local keep = function()
  redis.call('HSET', KEYS[1], 'owner', ARGV[2], 'epoch', digits(epoch), 'expires', digits(now + tonumber(ARGV[4])), 'ttl', ARGV[4])
end

if ARGV[1] == 'acquire' then
  if ttl > 0 and expires > now + ttl then -- the clock was set back: what is left counts from here
    expires = now + ttl
    redis.call('HSET', KEYS[1], 'expires', digits(expires))
  end
  local held = owner ~= '' and now < expires
  if held and owner ~= ARGV[2] then return {'held', owner, digits(epoch), digits(expires - now)} end
  if not held then epoch = math.max(epoch + 1, now) end
  keep()
  return {'granted', digits(epoch)}
end
if owner == '' or owner ~= ARGV[2] or digits(epoch) ~= ARGV[3] then return {'stale', owner, digits(epoch)} end
if ARGV[1] == 'renew' then keep() else redis.call('HSET', KEYS[1], 'owner', '') end
return {'ok', digits(epoch)}
