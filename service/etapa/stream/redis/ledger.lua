-- The pages of a partition's ledger and the mark, read at one moment. Writes nothing.
--
-- KEYS  mark, ledger: both of one partition, with one hash tag
-- ARGV  1  the first hour wanted, such as 2026-11-21T10; empty: from the beginning
--       2  the last hour wanted; empty: to the end. Both may be missing.
-- returns {the mark's fields and values, the pages' names and values}

local mark_key, ledger_key = unpack(KEYS)
local first, last = ARGV[1] or '', ARGV[2] or ''

local mark = redis.call('HGETALL', mark_key)
if first == '' and last == '' then
  return {mark, redis.call('HGETALL', ledger_key)}
end

local pages = {}
local all = redis.call('HGETALL', ledger_key)
for n = 1, #all, 2 do
  local name = all[n]
  -- The text of a month is the beginning of its days' texts, and that of a day the beginning of its hours'.
  local period = string.match(name, ' (.*)$') or ''
  local length = #period
  if period >= string.sub(first, 1, length) and (last == '' or period <= string.sub(last, 1, length)) then
    pages[#pages + 1] = name
    pages[#pages + 1] = all[n + 1]
  end
end
return {mark, pages}
