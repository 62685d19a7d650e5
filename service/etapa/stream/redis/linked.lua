-- Who is kept under an id and has several, and the mark, read at one moment. Writes nothing.
--
-- KEYS  mark, linked: both of one partition, with one hash tag
-- ARGV  1  the id that is kept
-- returns {the mark's fields and values, the entry; false if there is none}

return {redis.call('HGETALL', KEYS[1]), redis.call('HGET', KEYS[2], ARGV[1])}
