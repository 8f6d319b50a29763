-- Appends packs of entries, if the replica has everything before them. If not, it gives what is missing, and keeps the
-- others from appending for a moment.
--
-- KEYS: 5 the record of what this writer appended last
-- ARGV: 6 the sweeps that the replica has the topics' states of; 7 until when to append, in microseconds of this clock; 8 the writer; 9
-- which of its appends this is; 10 whether it was sent before; 11 how long its record is kept, in milliseconds; 12 how long its
-- turn is, in microseconds; 13 marks; 14 the number of packs; for each how many entries it has, and its bytes; how many packs to
-- remove, and their numbers; the greatest number of their entries; how many states of topics, and for each the topic, the
-- last number that was removed, and the state; how many topics to forget, and for each the topic and that number
if now > tonumber(ARGV[7]) then
  return reply('late')
end
if ARGV[10] == '1' then
  local append, of, last = string.match(redis.call('GET', KEYS[5]) or '', '^(%d+) (%S+) (%d+)$')
  if append == ARGV[9] and of == epoch then
    return reply('appended', tonumber(last))
  end
end

local turn = redis.call('HMGET', meta, 'turn', 'turn_until')
if turn[1] and turn[1] ~= ARGV[8] and now < tonumber(turn[2]) then
  return (page('busy', ARGV[6]))
end
local function behind()
  local answer, whole = page('behind', ARGV[6])
  if whole then
    redis.call('HSET', meta, 'turn', ARGV[8], 'turn_until', text(now + ARGV[12]))
  end
  return answer
end
if ARGV[3] ~= epoch or tonumber(ARGV[4]) ~= head then
  return behind()
end

local next_argument = 14
local function argument()
  next_argument = next_argument + 1
  return ARGV[next_argument - 1]
end

local number = head
for pack = 1, tonumber(argument()) do
  number = number + argument()
  local added
  if pack == 1 and head > 0 then
    added = redis.call('XADD', log, 'NOMKSTREAM', id(number), 'e', argument())
  else
    added = redis.call('XADD', log, id(number), 'e', argument())
  end
  if not added then
    -- The log is gone.
    local foreign = begin()
    return foreign and { 'foreign', foreign } or behind()
  end
end

local place = (head + 1) % MARKS * MARK
local room = MARKS * MARK - place
redis.call('SETRANGE', marks, place, string.sub(ARGV[13], 1, room))
if #ARGV[13] > room then
  redis.call('SETRANGE', marks, 0, string.sub(ARGV[13], room + 1))
end
head = number

local function last_of(topic)
  local state = redis.call('HGET', topics, topic)
  return state and tonumber(string.match(state, '^%d+')) or 0
end
local packs = tonumber(argument())
for _ = 1, packs do
  redis.call('XDEL', log, id(argument()))
end
removed = math.max(removed, tonumber(argument()))
for _ = 1, tonumber(argument()) do
  local topic, last, state = argument(), argument(), argument()
  -- Another process may have removed more.
  if last_of(topic) <= tonumber(last) then
    redis.call('HSET', topics, topic, last .. ' ' .. state)
  end
end
for _ = 1, tonumber(argument()) do
  local topic, last = argument(), tonumber(argument())
  local known = last_of(topic)
  if known <= last then
    redis.call('HDEL', topics, topic)
    forgotten = math.max(forgotten, last)
  end
end
if packs > 0 then
  sweeps = sweeps + 1
end

redis.call('HSET', meta, 'head', text(head), 'removed', text(removed), 'forgotten', text(forgotten), 'sweeps', text(sweeps))
if turn[1] then
  redis.call('HDEL', meta, 'turn', 'turn_until')
end
redis.call('SET', KEYS[5], ARGV[9] .. ' ' .. epoch .. ' ' .. text(head), 'PX', ARGV[11])
return reply('appended', head)
