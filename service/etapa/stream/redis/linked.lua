-- People with several ids, by the ids under which they are kept, and the mark, read at one moment. Writes nothing.
--
-- KEYS  mark, linked: both of one partition, with one hash tag
-- ARGV  1  the ids that are kept, packed (MessagePack)
-- returns {the mark's fields and values, the entries in the order of the ids; false for each that is not there}

local entries = {}
for n, id in ipairs(cmsgpack.unpack(ARGV[1])) do
  entries[n] = redis.call('HGET', KEYS[2], id)
end
return {redis.call('HGETALL', KEYS[1]), entries}
