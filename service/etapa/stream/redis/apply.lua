-- Shows one batch and moves the mark, in one step or not at all. Takes any number of customers; repeating it is harmless.
--
-- KEYS  stage, state, counts, timers, mark, ledger: all of one partition, with one hash tag
-- ARGV  1  the state_offset of the mark that this follows; empty: no mark
--       2  the state_offset of the new mark
--       3  the new mark's fields and values, packed (MessagePack)
--       4  states, packed: ids and states in turn
--       5  stages, packed: ids and stages in turn, of the same customers in the same order
--       6  timers, packed: due times and ids in turn
--       7  ids of the customers without a timer, packed
--       8  ids of the customers to erase, packed; they are in none of the other lists
--       9  how many of the following arguments are names and values of ledger pages; the rest are names of pages to remove
-- returns "applied", "already" or "refused"

local stage_key, state_key, counts_key, timers_key, mark_key, ledger_key = unpack(KEYS)
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
  redis.call('UNLINK', stage_key, state_key, counts_key, timers_key, mark_key, ledger_key)
else
  -- Redis does not roll back when a command fails, so a key of the wrong type must be noticed before the first write.
  as_many_stages = redis.call('HLEN', stage_key) == redis.call('HLEN', state_key)
  redis.call('HLEN', counts_key)
  redis.call('ZCARD', timers_key)
  redis.call('HLEN', ledger_key)
end

local states, stages, timers = cmsgpack.unpack(ARGV[4]), cmsgpack.unpack(ARGV[5]), cmsgpack.unpack(ARGV[6])
local untimed, erased = cmsgpack.unpack(ARGV[7]), cmsgpack.unpack(ARGV[8])

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

-- Takes customers off the counts of their stages. Returns these stages, false for a customer without one.
local function leave(ids)
  local befores = redis.call('HMGET', stage_key, unpack(ids))
  for _, before in ipairs(befores) do
    if before then
      deltas[before] = (deltas[before] or 0) - 1
    end
  end
  return befores
end

for n = 2, #stages, 2 do
  local stage = stages[n]
  deltas[stage] = (deltas[stage] or 0) + 1
end

if in_chunks('HSET', state_key, states) == #states / 2 and as_many_stages then
  -- No customer had a state, so none has a stage or a timer, either, as in most of a rebuild.
  in_chunks('HSET', stage_key, stages)
else
  for first = 1, #stages, CHUNK do
    local ids, moved = {}, {}
    for n = first, math.min(first + CHUNK - 1, #stages), 2 do
      ids[#ids + 1] = stages[n]
    end
    for n, before in ipairs(leave(ids)) do
      local stage = stages[first + 2 * n - 1]
      if before ~= stage then
        moved[#moved + 1] = ids[n]
        moved[#moved + 1] = stage
      end
    end
    in_chunks('HSET', stage_key, moved)
  end
  in_chunks('ZREM', timers_key, untimed)
end
in_chunks('ZADD', timers_key, timers)

for first = 1, #erased, CHUNK do
  leave({unpack(erased, first, math.min(first + CHUNK - 1, #erased))})
end
in_chunks('HDEL', stage_key, erased)
in_chunks('HDEL', state_key, erased)
in_chunks('ZREM', timers_key, erased)

for stage, delta in pairs(deltas) do
  if delta ~= 0 and redis.call('HINCRBY', counts_key, stage, delta) <= 0 then
    redis.call('HDEL', counts_key, stage)
  end
end

local pages = 9 + tonumber(ARGV[9])
for first = 10, pages, CHUNK do
  redis.call('HSET', ledger_key, unpack(ARGV, first, math.min(first + CHUNK - 1, pages)))
end
for first = pages + 1, #ARGV, CHUNK do
  redis.call('HDEL', ledger_key, unpack(ARGV, first, math.min(first + CHUNK - 1, #ARGV)))
end

redis.call('HSET', mark_key, unpack(cmsgpack.unpack(ARGV[3])))
return 'applied'
