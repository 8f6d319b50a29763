-- Comes before each script. Looks at the log, and begins a new life of it if there is none, or if the replica knows
-- something that this log never had: numbers that were given would be given again.
--
-- KEYS: meta, log, topics, marks
-- ARGV: 1 an epoch, should a life begin; 2 the greatest life that is known; 3 the replica's epoch; 4 its number; 5 the
-- mark of that, if it is known; 6 a field of meta that the script wants
local FORMAT, MARKS, MARK = 1, 16384, 4
local meta, log, topics, marks = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local fields = redis.call('HMGET', meta, 'format', 'epoch', 'life', 'head', 'removed', 'forgotten', 'sweeps', 'mark',
  'turn', 'turn_until', ARGV[6])
local format, epoch, life = tonumber(fields[1]), fields[2], tonumber(fields[3]) or 0
local head, removed = tonumber(fields[4]) or 0, tonumber(fields[5]) or 0
local forgotten, sweeps = tonumber(fields[6]) or 0, tonumber(fields[7]) or 0
local head_mark, turn, turn_until, wanted = fields[8], fields[9], tonumber(fields[10]) or 0, fields[11]

local function text(number)
  return string.format('%d', number)
end

local function id(number)
  return text(life) .. '-' .. text(number)
end

-- Returns a key that is another program's, if there is one.
local function begin()
  local kinds = { [meta] = 'hash', [log] = 'stream', [topics] = 'hash', [marks] = 'string' }
  for key, kind in pairs(kinds) do
    local found = redis.call('TYPE', key).ok
    if found ~= 'none' and (found ~= kind or (key == meta and not format)) then
      return key
    end
  end
  -- Readers wait for a greater id than that of the last entry.
  life = math.max(math.floor(now / 1000), life + 1, ARGV[2] + 1)
  epoch, head, removed, forgotten, sweeps, turn = ARGV[1], 0, 0, 0, 0, nil
  wanted = nil
  redis.call('UNLINK', meta, log, topics, marks)
  redis.call('HSET', meta, 'format', FORMAT, 'epoch', epoch, 'life', text(life), 'head', 0, 'removed', 0,
    'forgotten', 0, 'sweeps', 0)
end

local function contradicts(at, mark)
  if at > head then
    return true
  end
  if at == 0 or mark == '' or at + MARKS <= head then
    return false
  end
  if at == head then
    return head_mark ~= mark
  end
  local place = at % MARKS * MARK
  return redis.call('GETRANGE', marks, place, place + MARK - 1) ~= mark
end

local function reply(status, ...)
  return { status, epoch, life, head, removed, forgotten, sweeps, now, ... }
end

-- What the replica lacks: states of topics, or false, and the next packs. `counted` are the sweeps that it has the states of.
local function page(status, counted)
  local at = ARGV[3] == epoch and tonumber(ARGV[4]) or 0
  local states = at < removed and tonumber(counted) ~= sweeps and redis.call('HGETALL', topics)
  local packs, bytes = {}, 0
  local last = at
  while last < head and #packs < 128 and bytes < 524288 do
    local some = redis.call('XRANGE', log, '(' .. id(last), '+', 'COUNT', 8)
    if #some == 0 then
      -- Entries are gone that were never removed, as Redis does when it has no memory left.
      local foreign = begin()
      return foreign and { 'foreign', foreign } or reply(status, false, {})
    end
    for _, pack in ipairs(some) do
      packs[#packs + 1] = { pack[1], pack[2][2] }
      bytes = bytes + #pack[2][2]
    end
    last = tonumber(string.match(some[#some][1], '-(%d+)$'))
  end
  return reply(status, states, packs), last == head
end

if format and format > FORMAT then
  return { 'newer', format }
end
if not epoch or (ARGV[3] == epoch and contradicts(tonumber(ARGV[4]), ARGV[5])) then
  local foreign = begin()
  if foreign then
    return { 'foreign', foreign }
  end
end
