// The scripts that a worker runs in Redis, each atomic, over the keys that kombu uses too: a queue
// is four lists by priority, read at the right end; what was taken stands in the hash "unacked" and
// by its time in the sorted set "unacked_index". Time is Redis' own.
//
// Each taking has a tag of its own, which no other worker can have: whoever removes the tag from
// the hash was the one that still had the message.
#pragma once

#include <string_view>

namespace indaba::job::celery::scripts {

// KEYS: unacked, unacked_index; a queue: its four lists, its delayed ones, its dead ones.
// ARGV: queues, most bytes, which queue first, dead ones that are kept; the queues' names; tags.
// What is due goes back to its list; then as many messages as there are tags are taken, the most
// urgent first. Returns how many were no JSON or too large; then tag, queue and message of each.
inline constexpr std::string_view kTake = R"lua(
local queues, most, first = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local kept = tonumber(ARGV[4])
local time = redis.call('TIME')
local now = string.format('%d.%06d', time[1], time[2])
local step = {['0'] = 0, ['3'] = 1, ['6'] = 2, ['9'] = 3}
for q = 0, queues - 1 do
  local keys = 3 + q * 6
  local due = redis.pcall('ZRANGEBYSCORE', KEYS[keys + 4], '-inf', now, 'LIMIT', 0, 100)
  for i = #due, 1, -1 do
    redis.call('RPUSH', KEYS[keys + (step[string.sub(due[i], 1, 1)] or 0)], string.sub(due[i], 3))
    redis.call('ZREM', KEYS[keys + 4], due[i])
  end
end
local out, tag, dead = {0}, 5 + queues, 0
for p = 0, 3 do
  local found = true
  while found and tag <= #ARGV do
    found = false
    for i = 0, queues - 1 do
      local q = (first + i) % queues
      local raw = tag <= #ARGV and redis.pcall('RPOP', KEYS[3 + q * 6 + p])
      if type(raw) == 'string' then
        found = true
        if #raw > most or not pcall(cjson.decode, raw) then
          dead = dead + 1
          redis.pcall('LPUSH', KEYS[3 + q * 6 + 5], string.sub(raw, 1, most))
          redis.pcall('LTRIM', KEYS[3 + q * 6 + 5], 0, kept - 1)
        else
          redis.call('ZADD', KEYS[2], now, ARGV[tag])
          redis.call('HSET', KEYS[1], ARGV[tag], '[' .. raw .. ',"","' .. ARGV[5 + q] .. '"]')
          out[#out + 1] = ARGV[tag]
          out[#out + 1] = ARGV[5 + q]
          out[#out + 1] = raw
          tag = tag + 1
        end
      end
    end
  end
end
out[1] = dead
return out)lua";

// Lets go of a message, and says what became of it, only if it is still ours: 1. A Redis that has
// forgotten everything since (its marker is another one) has not given it to anybody else: 2.
// KEYS: unacked, unacked_index, marker, where the message goes, result.
// ARGV: tag, marker; "ack", "delay" or "dead"; message; when it is due; dead ones that are kept;
// result; seconds that it is kept; whether it is a success.
inline constexpr std::string_view kFinish = R"lua(
local mine = redis.call('HDEL', KEYS[1], ARGV[1])
if mine == 1 then
  redis.call('ZREM', KEYS[2], ARGV[1])
elseif redis.call('GET', KEYS[3]) == ARGV[2] then
  return 0
end
if ARGV[3] == 'delay' then
  redis.call('ZADD', KEYS[4], ARGV[5], ARGV[4])
elseif ARGV[3] == 'dead' then
  redis.pcall('LPUSH', KEYS[4], ARGV[4])
  redis.pcall('LTRIM', KEYS[4], 0, tonumber(ARGV[6]) - 1)
end
if ARGV[7] ~= '' then
  local old = ARGV[9] ~= '1' and redis.pcall('GET', KEYS[5])
  local told = false
  if type(old) == 'string' then
    local read, value = pcall(cjson.decode, old)
    told = read and type(value) == 'table' and value.status == 'SUCCESS'
  end
  if not told then
    redis.call('SETEX', KEYS[5], ARGV[8], ARGV[7])
    redis.call('PUBLISH', KEYS[5], ARGV[7])
  end
end
return mine == 1 and 1 or 2)lua";

// KEYS: unacked, result. ARGV: tag, result, seconds. Where it stands, while it is ours.
inline constexpr std::string_view kTell = R"lua(
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('SETEX', KEYS[2], ARGV[3], ARGV[2])
redis.call('PUBLISH', KEYS[2], ARGV[2])
return 1)lua";

// KEYS: unacked, unacked_index, marker. ARGV: a new marker; tags. Returns the marker that stood, or
// the new one; then the tags that are no longer ours.
inline constexpr std::string_view kRenew = R"lua(
local time = redis.call('TIME')
local now = string.format('%d.%06d', time[1], time[2])
local marker = redis.call('GET', KEYS[3])
if not marker then
  marker = ARGV[1]
  redis.call('SET', KEYS[3], marker)
end
redis.call('EXPIRE', KEYS[3], 604800)
local out = {marker}
for i = 2, #ARGV do
  if redis.call('HEXISTS', KEYS[1], ARGV[i]) == 1 then
    redis.call('ZADD', KEYS[2], now, ARGV[i])
  else
    out[#out + 1] = ARGV[i]
  end
end
return out)lua";

// KEYS: unacked, unacked_index. ARGV: tags. What was taken goes back to where it is read, the
// first tag first; nothing is said of those that are not ours any more.
inline constexpr std::string_view kGiveBack = R"lua(
local back = 0
for i = #ARGV, 1, -1 do
  local value = redis.call('HGET', KEYS[1], ARGV[i])
  local raw, queue = string.match(value or '', '^%[(.*),"","([^"]*)"%]$')
  if raw then
    redis.call('HDEL', KEYS[1], ARGV[i])
    redis.call('ZREM', KEYS[2], ARGV[i])
    local read, message = pcall(cjson.decode, raw)
    local properties = read and type(message) == 'table' and message.properties
    local priority = type(properties) == 'table' and tonumber(properties.priority) or 0
    for _, step in ipairs({9, 6, 3}) do
      if priority >= step then
        queue = queue .. '\006\022' .. step
        break
      end
    end
    redis.pcall('RPUSH', queue, raw)
    back = back + 1
  end
end
return back)lua";

// KEYS: unacked, unacked_index, unacked_mutex. ARGV: visibility in seconds, token; how values of
// our queues end. What was taken longer ago than that: its time, tag and value.
inline constexpr std::string_view kFindLost = R"lua(
if not redis.call('SET', KEYS[3], ARGV[2], 'NX', 'PX', 10000) then return {} end
local time = redis.call('TIME')
local before = string.format('%d.%06d', time[1] - tonumber(ARGV[1]), time[2])
local old = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', before, 'LIMIT', 0, 1000)
local out = {before}
for _, tag in ipairs(old) do
  local value = redis.call('HGET', KEYS[1], tag)
  if not value then
    redis.call('ZREM', KEYS[2], tag)
  elseif #out < 60 then
    for i = 3, #ARGV do
      if string.sub(value, -#ARGV[i]) == ARGV[i] then
        out[#out + 1] = tag
        out[#out + 1] = value
        break
      end
    end
  end
end
if redis.call('GET', KEYS[3]) == ARGV[2] and #out == 1 then redis.call('DEL', KEYS[3]) end
return out)lua";

// KEYS: unacked, unacked_index, the list, unacked_mutex. ARGV: tag, not later than, message.
inline constexpr std::string_view kRestore = R"lua(
local since = redis.call('ZSCORE', KEYS[2], ARGV[1])
if not since or tonumber(since) > tonumber(ARGV[2]) then return 0 end
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('RPUSH', KEYS[3], ARGV[3])
return 1)lua";

// KEYS: unacked_mutex. ARGV: token.
inline constexpr std::string_view kUnlock = R"lua(
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1)lua";

// KEYS: delayed. The first hundred, or fewer where they are large.
inline constexpr std::string_view kDelayed = R"lua(
local out, bytes = {}, 0
for _, raw in ipairs(redis.call('ZRANGE', KEYS[1], 0, 99)) do
  bytes = bytes + #raw
  if bytes > 4194304 then break end
  out[#out + 1] = raw
end
return out)lua";

// KEYS: revoked. ARGV: how many are kept, seconds; ids. By the time of the revocation.
inline constexpr std::string_view kRevoke = R"lua(
local now = redis.call('TIME')[1]
for i = 3, #ARGV do redis.call('ZADD', KEYS[1], now, ARGV[i]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -(tonumber(ARGV[1]) + 1))
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1)lua";

}  // namespace indaba::job::celery::scripts
