-- States, due timers and the mark, all read at one moment. Writes nothing.
--
-- KEYS  state, timers, mark: all of one partition, with one hash tag
-- ARGV  1  timers due at or before this time (microseconds since 1970); empty: none
--       2  how many timers at most
--       3  ids of customers, packed (MessagePack)
--       4  1: with the states of those whose timers are due; empty: without
-- returns {the mark's fields and values, states in the order of the ids, {id, due, ...} in order of (due, id), their states in the same order, 1 if there are more}

local state_key, timers_key, mark_key = unpack(KEYS)

-- A Lua call takes at most about 8,000 values.
local CHUNK = 5000

local function states_of(ids)
  local states = {}
  for first = 1, #ids, CHUNK do
    local some = redis.call('HMGET', state_key, unpack(ids, first, math.min(first + CHUNK - 1, #ids)))
    for n = 1, #some do
      states[first + n - 1] = some[n]
    end
  end
  return states
end

local due, due_states, more = {}, {}, 0
if ARGV[1] ~= '' then
  local limit = tonumber(ARGV[2])
  due = redis.call('ZRANGEBYSCORE', timers_key, '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', 0, limit + 1)
  if #due > 2 * limit then
    more = 1
    due[#due] = nil
    due[#due] = nil
  end
  if ARGV[4] ~= '' then
    local ids = {}
    for i = 1, #due, 2 do
      ids[#ids + 1] = due[i]
    end
    due_states = states_of(ids)
  end
end

return {redis.call('HGETALL', mark_key), states_of(cmsgpack.unpack(ARGV[3])), due, due_states, more}
