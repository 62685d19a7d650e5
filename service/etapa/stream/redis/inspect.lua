-- What the view holds of some customers, and of the partition as a whole, all read at one moment. Writes nothing.
--
-- KEYS  stage, state, counts, timers, mark: all of one partition, with one hash tag
-- ARGV  ids of customers, at most a few hundred
-- returns {the mark's fields and values, stages, states, due times (each in the order of the ids), stage, count, ...}

local stage_key, state_key, counts_key, timers_key, mark_key = unpack(KEYS)

local stages, states, due = {}, {}, {}
if #ARGV > 0 then
  stages = redis.call('HMGET', stage_key, unpack(ARGV))
  states = redis.call('HMGET', state_key, unpack(ARGV))
  due = redis.call('ZMSCORE', timers_key, unpack(ARGV))
end
return {redis.call('HGETALL', mark_key), stages, states, due, redis.call('HGETALL', counts_key)}
