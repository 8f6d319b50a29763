-- Appends packs of entries, and gives what comes before them that the replica lacks. If nothing may come between, and
-- something does, it appends nothing, and keeps the others from appending for a moment.
--
-- ARGV: 6 the writer's field of meta; 7 the sweeps that the replica has the topics' states of; 8 until when to append, in
-- microseconds of this clock; 9 which of the writer's appends this is; 10 how long its record is kept, and 11 how long its turn
-- is, in microseconds; 12 whether something may come between; 13 marks; 14 the number of packs; for each how many entries it
-- has, and its bytes; how many packs to remove, and their numbers; the greatest number of their entries; how many states of
-- topics, and for each the topic, the last number that was removed, and the state; how many topics to forget, and for
-- each the topic and that number
-- A request whose answer was lost comes again, and the first one may come last.
local append, of, last = string.match(wanted or '', '^(%d+) (%S+) (%d+)')
if append and of == epoch and tonumber(append) >= tonumber(ARGV[9]) then
  return reply('appended', false, {}, tonumber(last))
end
if now > tonumber(ARGV[8]) then
  return reply('late')
end

if turn and turn ~= ARGV[6] and now < turn_until then
  return (page('busy', ARGV[7]))
end
local function behind()
  local answer, whole = page('behind', ARGV[7])
  if whole then
    redis.call('HSET', meta, 'turn', ARGV[6], 'turn_until', text(now + ARGV[11]))
  end
  return answer
end
if ARGV[3] ~= epoch or (ARGV[12] == '0' and tonumber(ARGV[4]) ~= head) then
  return behind()
end
local answer = page('appended', ARGV[7])

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
local packs, forgets = tonumber(argument()), false
local ids = {}
for pack = 1, packs do
  ids[pack] = id(argument())
end
if packs > 0 then
  redis.call('XDEL', log, unpack(ids))
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
  if last_of(topic) <= last then
    redis.call('HDEL', topics, topic)
    forgotten = math.max(forgotten, last)
    forgets = true
  end
end

if not wanted then
  -- A new writer: what others left long ago goes.
  local known = redis.call('HGETALL', meta)
  for field = 1, #known, 2 do
    local kept = string.match(known[field], '^writer:') and string.match(known[field + 1], '%d+$')
    if kept and tonumber(kept) < now then
      redis.call('HDEL', meta, known[field])
    end
  end
end
redis.call('HSET', meta, 'head', text(head), 'mark', string.sub(ARGV[13], -MARK), ARGV[6],
  table.concat({ ARGV[9], epoch, text(head), text(now + ARGV[10]) }, ' '))
if packs > 0 or forgets then
  redis.call('HSET', meta, 'removed', text(removed), 'forgotten', text(forgotten), 'sweeps', text(sweeps + 1))
end
if turn then
  redis.call('HDEL', meta, 'turn', 'turn_until')
end
answer[#answer + 1] = head
return answer
