// The scripts that a worker runs in Redis, each atomic, over the keys that kombu uses too: a queue
// is four lists by priority, read at the right end; what was taken stands in the hash "unacked" and
// by its time in the sorted set "unacked_index". Time is Redis' own, for all workers.
//
// What workers of ours took stands a queue at a time in "indaba.celery.taken.<queue>" as well, so
// that it is found however much others have left in the index that all share.
//
// Each taking has a tag of its own, which no other worker can have: whoever removes the tag from
// the hash was the one that still had the message.
#pragma once

#include <string_view>

namespace indaba::job::celery::scripts {

// KEYS: unacked, unacked_index; a queue: its four lists, its delayed ones, its dead ones.
// ARGV: queues, most bytes, which queue first, dead ones that are kept; the queues' names; tags.
// What is due goes back to its list; then as many messages as there are tags are taken, the most
// urgent first, and no more of them when they have a MiB: others wait for Redis, too. Returns how
// many were put among the dead ones; Redis' time in milliseconds; the first thing that Redis
// refused, or nothing; of the dead ones how large they are, and what they say from their headers
// on; then tag, queue and message of each.
//
// Of a message that may have any size, only the first and the last 64 KiB are looked at.
//
// What is noted as taken is read by Python's JSON too, where one text that it refuses ends a whole
// worker: so it is strict JSON here, which cjson's own reading is not.
inline constexpr std::string_view kTake = R"lua(
local queues, most, first = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local kept = tonumber(ARGV[4])
local time = redis.call('TIME')
local now = string.format('%d.%06d', time[1], time[2])
local step = {['0'] = 0, ['3'] = 1, ['6'] = 2, ['9'] = 3}
local refused, dead = '', 0
redis.call('HLEN', KEYS[1])
redis.call('ZCARD', KEYS[2])
local function good(reply)
  if type(reply) ~= 'table' or not reply.err then return true end
  if refused == '' then refused = reply.err end
  return false
end
local function is_number(text)
  local whole, rest = string.match(text, '^%-?(%d+)(.*)$')
  if not whole or #whole > 300 or string.find(whole, '^0%d') then return false end
  return rest == '' or string.find(rest, '^%.%d+$') or string.find(rest, '^[eE][+-]?%d+$')
    or string.find(rest, '^%.%d+[eE][+-]?%d+$')
end
local function is_utf8(raw)
  for _, one in ipairs({'\240[\144-\191][\128-\191][\128-\191]',
                        '[\241-\243][\128-\191][\128-\191][\128-\191]',
                        '\244[\128-\143][\128-\191][\128-\191]', '\224[\160-\191][\128-\191]',
                        '[\225-\236\238\239][\128-\191][\128-\191]',
                        '\237[\128-\159][\128-\191]', '[\194-\223][\128-\191]'}) do
    raw = string.gsub(raw, one, 'x')
  end
  return not string.find(raw, '[\128-\255]')
end
-- What stands outside of the texts; nothing where a text is not as it should be.
local function outside(raw)
  local printable = string.find(raw, '^[\32-\126]*$')
  if not printable and not is_utf8(raw) then return nil end
  local out, from = {}, 1
  while true do
    local open = string.find(raw, '"', from, true)
    if not open then break end
    out[#out + 1] = string.sub(raw, from, open - 1)
    local close, slashes = open, 1
    while slashes % 2 == 1 do
      close = string.find(raw, '"', close + 1, true)
      if not close then return nil end
      slashes = 0
      while string.byte(raw, close - 1 - slashes) == 92 do slashes = slashes + 1 end
    end
    if not printable and string.find(string.sub(raw, open, close), '[%z\1-\31]') then return nil end
    from = close + 1
  end
  out[#out + 1] = string.sub(raw, from)
  return table.concat(out)
end
local function is_strict(raw)
  if not pcall(cjson.decode, raw) then return false end
  local bare = outside(raw)
  if not bare then return false end
  if string.find(bare, '[^%s%d%[%]{}:,+%-.eEtrufalsn]') then return false end
  if string.find(bare, 'nan', 1, true) then return false end
  for number in string.gmatch(bare, '[-+.%d][-+.%deE]*') do
    if not is_number(number) then return false end
  end
  local _, opened = string.gsub(bare, '[%[{]', '')
  local depth = 0
  if opened > 64 then
    for bracket in string.gmatch(bare, '[%[%]{}]') do
      depth = depth + ((bracket == '[' or bracket == '{') and 1 or -1)
      if depth > 64 then return false end
    end
  end
  return true
end
local function bury(raw, key)
  dead = dead + 1
  good(redis.pcall('LPUSH', key, string.sub(raw, 1, most)))
  good(redis.pcall('LTRIM', key, 0, kept - 1))
end
local function excerpt(raw)
  local from = 1
  local at = string.find(string.sub(raw, 1, 65536), '"headers"', 1, true)
  if not at then  -- kombu writes them behind the body
    from = math.max(1, #raw - 65535)
    at = string.find(string.sub(raw, from), '"headers"', 1, true)
  end
  return at and string.sub(raw, from + at - 1, from + at + 65534)
end
local refusals = {}
local function refuse(raw, key)
  bury(raw, key)
  local part = excerpt(raw)
  if not part then return end
  refusals[#refusals + 1] = #raw
  refusals[#refusals + 1] = part
end
local function take(raw, list, tag, queue)
  if not good(redis.pcall('ZADD', KEYS[2], now, tag)) or
     not good(redis.pcall('HSET', KEYS[1], tag, '[' .. raw .. ',"","' .. queue .. '"]')) then
    redis.pcall('ZREM', KEYS[2], tag)
    redis.pcall('RPUSH', list, raw)
    return false
  end
  redis.pcall('ZADD', 'indaba.celery.taken.' .. queue, now, tag)
  return true
end
for q = 0, queues - 1 do
  local keys = 3 + q * 6
  local due = redis.pcall('ZRANGEBYSCORE', KEYS[keys + 4], '-inf', now, 'LIMIT', 0, 100)
  if good(due) then
    for i = #due, 1, -1 do
      local at = step[string.match(due[i], '^([0369])|')]
      if not at then
        bury(due[i], KEYS[keys + 5])
      elseif not good(redis.pcall('RPUSH', KEYS[keys + at], string.sub(due[i], 3))) then
        break
      end
      good(redis.pcall('ZREM', KEYS[keys + 4], due[i]))
    end
  end
end
local out, tag, bytes = {0, '', '', refusals}, 5 + queues, 0
for p = 0, 3 do
  local found = true
  while found and tag <= #ARGV and bytes < 1048576 do
    found = false
    for i = 0, queues - 1 do
      local q = (first + i) % queues
      local list = KEYS[3 + q * 6 + p]
      local raw = tag <= #ARGV and bytes < 1048576 and redis.pcall('RPOP', list)
      if raw and good(raw) then
        bytes = bytes + #raw
        if #raw > most or not is_strict(raw) then
          found = true
          refuse(raw, KEYS[3 + q * 6 + 5])
        elseif take(raw, list, ARGV[tag], ARGV[5 + q]) then
          found = true
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
out[2] = string.format('%d%03d', time[1], math.floor(time[2] / 1000))
out[3] = refused
return out)lua";

// Lets go of a message, and says what became of it, only if it is still ours: 1. A Redis that has
// forgotten everything since (its marker is another one) has not given it to anybody else: 2.
// KEYS: unacked, unacked_index, marker, where the message goes, result.
// ARGV: tag, marker; "ack", "delay" or "dead"; message; when it is due; dead ones that are kept;
// result; seconds that it is kept, 0 for ever; whether it is a success; the queue.
inline constexpr std::string_view kFinish = R"lua(
local mine = redis.call('HDEL', KEYS[1], ARGV[1])
if mine == 1 then
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.pcall('ZREM', 'indaba.celery.taken.' .. ARGV[10], ARGV[1])
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
    if ARGV[8] == '0' then
      redis.call('SET', KEYS[5], ARGV[7])
    else
      redis.call('SETEX', KEYS[5], ARGV[8], ARGV[7])
    end
    redis.call('PUBLISH', KEYS[5], ARGV[7])
  end
end
return mine == 1 and 1 or 2)lua";

// KEYS: unacked, marker. ARGV: tag, marker. What kFinish would answer.
inline constexpr std::string_view kHolds = R"lua(
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 1 end
return redis.call('GET', KEYS[2]) == ARGV[2] and 0 or 2)lua";

// KEYS: unacked, result. ARGV: tag, result, seconds, 0 for ever. Where it stands, while it is ours.
inline constexpr std::string_view kTell = R"lua(
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
if ARGV[3] == '0' then
  redis.call('SET', KEYS[2], ARGV[2])
else
  redis.call('SETEX', KEYS[2], ARGV[3], ARGV[2])
end
redis.call('PUBLISH', KEYS[2], ARGV[2])
return 1)lua";

// KEYS: unacked, unacked_index, marker. ARGV: a new marker; tags, each with its queue. Returns the
// marker that stood, or the new one; then the tags that are no longer ours.
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
for i = 2, #ARGV, 2 do
  if redis.call('HEXISTS', KEYS[1], ARGV[i]) == 1 then
    redis.call('ZADD', KEYS[2], now, ARGV[i])
    redis.pcall('ZADD', 'indaba.celery.taken.' .. ARGV[i + 1], now, ARGV[i])
  else
    redis.pcall('ZREM', 'indaba.celery.taken.' .. ARGV[i + 1], ARGV[i])
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
    redis.pcall('ZREM', 'indaba.celery.taken.' .. queue, ARGV[i])
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

// KEYS: unacked, unacked_index, unacked_mutex. ARGV: visibility in seconds, token, where to go on
// in the index that all share; our queues. What was taken longer ago than that: first what workers
// of ours took, then what others left on our queues, a part of them at a time. Returns where to go
// on (0: all was seen), since when it is lost; time, tag and value of each; nothing where somebody
// else does it now.
inline constexpr std::string_view kFindLost = R"lua(
if not redis.call('SET', KEYS[3], ARGV[2], 'NX', 'PX', 10000) then return {} end
local time = redis.call('TIME')
local before = string.format('%d.%06d', time[1] - tonumber(ARGV[1]), time[2])
local out, known, bytes = {0, before}, {}, 0
local function add(tag, value)
  known[tag] = true
  out[#out + 1] = tag
  out[#out + 1] = value
end
for i = 4, #ARGV do
  local own = 'indaba.celery.taken.' .. ARGV[i]
  for _, tag in ipairs(redis.call('ZRANGEBYSCORE', own, '-inf', before, 'LIMIT', 0, 1000)) do
    if #out >= 42 or bytes > 16777216 then break end
    local since = redis.call('ZSCORE', KEYS[2], tag)
    local value = redis.call('HGET', KEYS[1], tag)
    if not value then
      redis.call('ZREM', own, tag)
    elseif since and tonumber(since) > tonumber(before) then
      redis.call('ZADD', own, since, tag)
    else
      bytes = bytes + #value
      add(tag, value)
    end
  end
end
local from = tonumber(ARGV[3])
local old = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', before, 'LIMIT', from, 1000)
local seen = 0
for _, tag in ipairs(old) do
  if #out >= 62 or bytes > 16777216 then break end
  seen = seen + 1
  local value = not known[tag] and redis.call('HGET', KEYS[1], tag)
  if value then
    bytes = bytes + #value
    for i = 4, #ARGV do
      local ending = '"' .. ARGV[i] .. '"]'
      if string.sub(value, -#ending) == ending then
        add(tag, value)
        break
      end
    end
  elseif not known[tag] then
    redis.call('ZREM', KEYS[2], tag)
    from = from - 1
  end
end
if seen == #old and #old < 1000 then out[1] = 0 else out[1] = math.max(0, from + seen) end
if redis.call('GET', KEYS[3]) == ARGV[2] and #out == 2 then redis.call('DEL', KEYS[3]) end
return out)lua";

// KEYS: unacked, unacked_index, the list. ARGV: tag, not later than, message, queue.
inline constexpr std::string_view kRestore = R"lua(
local own = 'indaba.celery.taken.' .. ARGV[4]
local since = redis.call('ZSCORE', KEYS[2], ARGV[1]) or redis.call('ZSCORE', own, ARGV[1])
if not since or tonumber(since) > tonumber(ARGV[2]) then return 0 end
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', own, ARGV[1])
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

// KEYS: unacked, unacked_index, delayed. ARGV: cursor, queue, how the tags begin; ids. What is
// delayed and has one of these ids is taken, a part of the delayed ones at a time. Returns where to
// go on ("0": all was seen), Redis' time; tag and message of each.
inline constexpr std::string_view kTakeDelayed = R"lua(
local time = redis.call('TIME')
local now = string.format('%d.%06d', time[1], time[2])
local wanted = {}
for i = 4, #ARGV do wanted[ARGV[i]] = true end
local scanned = redis.call('ZSCAN', KEYS[3], ARGV[1], 'COUNT', 500)
local out = {scanned[1], string.format('%d%03d', time[1], math.floor(time[2] / 1000))}
for i = 1, #scanned[2], 2 do
  local member = scanned[2][i]
  local found = false
  for id in string.gmatch(member, '"id"%s*:%s*"([^"]*)"') do found = found or wanted[id] end
  if found and string.find(member, '^[0369]|') and redis.call('ZREM', KEYS[3], member) == 1 then
    local tag, raw = ARGV[3] .. '.' .. #out, string.sub(member, 3)
    redis.call('ZADD', KEYS[2], now, tag)
    redis.call('HSET', KEYS[1], tag, '[' .. raw .. ',"","' .. ARGV[2] .. '"]')
    redis.call('ZADD', 'indaba.celery.taken.' .. ARGV[2], now, tag)
    out[#out + 1] = tag
    out[#out + 1] = raw
  end
end
return out)lua";

// KEYS: the list, "it was sent". ARGV: message, seconds that this is remembered. Puts it on the
// list unless that was done before.
inline constexpr std::string_view kSendOnce = R"lua(
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('SETEX', KEYS[2], ARGV[2], '1')
return 1)lua";

// KEYS: revoked. ARGV: how many are kept, seconds; ids. By the time of the revocation.
inline constexpr std::string_view kRevoke = R"lua(
local now = redis.call('TIME')[1]
for i = 3, #ARGV do redis.call('ZADD', KEYS[1], now, ARGV[i]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -(tonumber(ARGV[1]) + 1))
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1)lua";

}  // namespace indaba::job::celery::scripts
