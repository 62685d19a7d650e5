-- One batch becomes visible, and the mark moves on, in one step or not at all. Any number of customers; repeating it is harmless.
--
-- KEYS  stage, state, counts, timers, mark: all of one partition, with one hash tag
-- ARGV  1  the mark's state_offset that this follows; empty: there is no mark
--       2  the state_offset that the mark will have
--       3  the mark's fields and values, packed (MessagePack)
--       4  customers, packed: id, stage, due (empty: none), length of the state (0: erase the customer), and so on
--       5  the states in the same order, one behind the other; the unpacker here knows text only, and states are not text
-- gives "applied", "already" or "refused"

local stage_key, state_key, counts_key, timers_key, mark_key = unpack(KEYS)
local follows, makes = ARGV[1], ARGV[2]

local at = redis.call('HGET', mark_key, 'state_offset')
if at == makes then
  return 'already'
end
if (at or '') ~= follows then
  return 'refused'
end

if follows == '' then
  redis.call('UNLINK', stage_key, state_key, counts_key, timers_key, mark_key)
else
  -- Redis undoes nothing when a command fails, so a key of a wrong type must show itself before the first write.
  redis.call('HLEN', stage_key)
  redis.call('HLEN', state_key)
  redis.call('HLEN', counts_key)
  redis.call('ZCARD', timers_key)
end

-- A Lua call takes about 8,000 values at most, a customer up to two.
local CHUNK = 2000
local customers = cmsgpack.unpack(ARGV[4])
local deltas = {}
local offset = 0

for first = 1, #customers, 4 * CHUNK do
  local last = math.min(first + 4 * CHUNK - 1, #customers)
  local ids = {}
  for i = first, last, 4 do
    ids[#ids + 1] = customers[i]
  end
  local stages_before = redis.call('HMGET', stage_key, unpack(ids))

  local stages, states, erased, timers, untimed = {}, {}, {}, {}, {}
  for n, id in ipairs(ids) do
    local i = first + 4 * (n - 1)
    local stage, due, length = customers[i + 1], customers[i + 2], customers[i + 3]
    local before = stages_before[n]
    if before then
      deltas[before] = (deltas[before] or 0) - 1
    end
    if length == 0 then
      erased[#erased + 1] = id
    else
      deltas[stage] = (deltas[stage] or 0) + 1
      if before ~= stage then
        stages[#stages + 1] = id
        stages[#stages + 1] = stage
      end
      states[#states + 1] = id
      states[#states + 1] = string.sub(ARGV[5], offset + 1, offset + length)
      offset = offset + length
    end
    if due == '' or length == 0 then
      untimed[#untimed + 1] = id
    else
      timers[#timers + 1] = due
      timers[#timers + 1] = id
    end
  end

  if #stages > 0 then redis.call('HSET', stage_key, unpack(stages)) end
  if #states > 0 then redis.call('HSET', state_key, unpack(states)) end
  if #erased > 0 then
    redis.call('HDEL', stage_key, unpack(erased))
    redis.call('HDEL', state_key, unpack(erased))
  end
  if #timers > 0 then redis.call('ZADD', timers_key, unpack(timers)) end
  if #untimed > 0 then redis.call('ZREM', timers_key, unpack(untimed)) end
end

for stage, delta in pairs(deltas) do
  if delta ~= 0 and redis.call('HINCRBY', counts_key, stage, delta) <= 0 then
    redis.call('HDEL', counts_key, stage)
  end
end

redis.call('HSET', mark_key, unpack(cmsgpack.unpack(ARGV[3])))
return 'applied'
