-- The pages of a partition's ledger and the mark, as of one moment. Writes nothing.
--
-- KEYS  mark, ledger: both of one partition, with one hash tag
-- gives {the mark's fields and values, the pages' names and values}

return {redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2])}
