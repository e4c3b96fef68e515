-- Adds what one process took to the counts that all share, and says how long each name stays busy, in microseconds.
-- KEYS: names. ARGV: the time, 0 for this server's own; the most windows that may be owed; then of each name what was
-- taken and the window, all in microseconds.
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local windows = tonumber(ARGV[2])
local busy = {}
for i, name in ipairs(KEYS) do
  local cost = tonumber(ARGV[2 * i + 1])
  local most = now + windows * tonumber(ARGV[2 * i + 2])
  local free_at = tonumber(redis.call('GET', name) or now)
  -- Further ahead it can only be when the clock was set back: then counting begins again.
  if free_at < now or free_at > most then
    free_at = now
  end
  free_at = math.min(free_at + cost, most)
  redis.call('SET', name, string.format('%.0f', free_at), 'PX', math.ceil((free_at - now) / 1000) + 1)
  busy[i] = free_at - now
end
return busy
