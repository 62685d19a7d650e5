-- Shows one batch and moves the mark, in one step or not at all. Takes any number of customers; repeating it is harmless.
--
-- KEYS  stage, state, counts, timers, mark, ledger, linked: all of one partition, with one hash tag
-- ARGV  1  the state_offset of the mark that this follows; empty: no mark
--       2  the state_offset of the new mark
--       3  the new mark's fields and values, packed (MessagePack)
--       4  states, packed: ids and states in turn
--       5  stages, packed: ids and stages in turn, of those customers among them who may be shown in another stage
--       6  timers, packed: due times and ids in turn, of those for whom another time may be held
--       7  ids of those without a timer, for whom one may be held, packed
--       8  ids of the customers to erase, packed; they are in none of the other lists
--       9  names and values of ledger pages in turn, packed
--       10 names of ledger pages to remove, packed
--       11 people with several ids, packed: kept ids and entries in turn
--       12 kept ids of entries to remove, packed
-- returns "applied", "already" or "refused"

local stage_key, state_key, counts_key, timers_key, mark_key, ledger_key, linked_key = unpack(KEYS)
local follows, makes = ARGV[1], ARGV[2]

local at = redis.call('HGET', mark_key, 'state_offset')
if at == makes then
  return 'already'
end
if (at or '') ~= follows then
  return 'refused'
end

local as_many_stages = true
if follows == '' then
  redis.call('UNLINK', stage_key, state_key, counts_key, timers_key, mark_key, ledger_key, linked_key)
else
  -- Redis does not roll back when a command fails, so a key of the wrong type must be noticed before the first write.
  as_many_stages = redis.call('HLEN', stage_key) == redis.call('HLEN', state_key)
  redis.call('HLEN', counts_key)
  redis.call('ZCARD', timers_key)
  redis.call('HLEN', ledger_key)
  redis.call('HLEN', linked_key)
end

local states, stages, timers = cmsgpack.unpack(ARGV[4]), cmsgpack.unpack(ARGV[5]), cmsgpack.unpack(ARGV[6])
local untimed, erased = cmsgpack.unpack(ARGV[7]), cmsgpack.unpack(ARGV[8])
local pages, removed = cmsgpack.unpack(ARGV[9]), cmsgpack.unpack(ARGV[10])
local people, parted = cmsgpack.unpack(ARGV[11]), cmsgpack.unpack(ARGV[12])

-- A Lua call takes at most about 8,000 values. An even number keeps pairs together.
local CHUNK = 4000

local function in_chunks(command, key, values)
  local answers = 0
  for first = 1, #values, CHUNK do
    answers = answers + redis.call(command, key, unpack(values, first, math.min(first + CHUNK - 1, #values)))
  end
  return answers
end

local deltas = {}

-- Takes the customers named in every `step`th place of a list off the counts of the stages in which they are shown.
local function leave(values, step)
  for first = 1, #values, CHUNK do
    local ids = {}
    for n = first, math.min(first + CHUNK - 1, #values), step do
      ids[#ids + 1] = values[n]
    end
    for _, before in ipairs(redis.call('HMGET', stage_key, unpack(ids))) do
      if before then
        deltas[before] = (deltas[before] or 0) - 1
      end
    end
  end
end

for n = 2, #stages, 2 do
  local stage = stages[n]
  deltas[stage] = (deltas[stage] or 0) + 1
end

-- If no customer had a state, none has a stage or a timer, either, as in most of a rebuild.
local all_are_new = in_chunks('HSET', state_key, states) == #states / 2 and as_many_stages
if not all_are_new then
  leave(stages, 2)
  in_chunks('ZREM', timers_key, untimed)
end
in_chunks('HSET', stage_key, stages)
in_chunks('ZADD', timers_key, timers)

leave(erased, 1)
in_chunks('HDEL', stage_key, erased)
in_chunks('HDEL', state_key, erased)
in_chunks('ZREM', timers_key, erased)

for stage, delta in pairs(deltas) do
  if delta ~= 0 and redis.call('HINCRBY', counts_key, stage, delta) <= 0 then
    redis.call('HDEL', counts_key, stage)
  end
end

in_chunks('HSET', ledger_key, pages)
in_chunks('HDEL', ledger_key, removed)
in_chunks('HSET', linked_key, people)
in_chunks('HDEL', linked_key, parted)
redis.call('HSET', mark_key, unpack(cmsgpack.unpack(ARGV[3])))
return 'applied'
