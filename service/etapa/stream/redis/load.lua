-- States, due timers and the mark, all read at one moment. Writes nothing.
--
-- KEYS  state, timers, mark: all of one partition, with one hash tag
-- ARGV  1  timers due at or before this time (microseconds since 1970); empty: none
--       2  how many timers at most
--       3  ids of customers, packed (MessagePack)
-- returns {the mark's fields and values, states in the order of the ids, {id, due, state, ...} in order of (due, id), 1 if there are more}

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

local due, more = {}, 0
if ARGV[1] ~= '' then
  local limit = tonumber(ARGV[2])
  local found = redis.call('ZRANGEBYSCORE', timers_key, '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', 0, limit + 1)
  local ids = {}
  for i = 1, math.min(#found, 2 * limit), 2 do
    ids[#ids + 1] = found[i]
  end
  local states = states_of(ids)
  for n, id in ipairs(ids) do
    due[#due + 1] = id
    due[#due + 1] = found[2 * n]
    due[#due + 1] = states[n]
  end
  if #found > 2 * limit then
    more = 1
  end
end

return {redis.call('HGETALL', mark_key), states_of(cmsgpack.unpack(ARGV[3])), due, more}
