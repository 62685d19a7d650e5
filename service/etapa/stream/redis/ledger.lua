-- The pages of a partition's ledger and the mark, as of one moment. Writes nothing.
--
-- KEYS  mark, ledger: both of one partition, with one hash tag
-- ARGV  1  the first hour that is wanted, such as 2026-11-21T10; empty: all from the first
--       2  the last one; empty: all up to the last. Both may be missing.
-- gives {the mark's fields and values, the pages' names and values}

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
  -- Hours, days and months are written so that the shorter text is the beginning of the longer one.
  local period = string.match(name, ' (.*)$') or ''
  local length = #period
  if period >= string.sub(first, 1, length) and (last == '' or period <= string.sub(last, 1, length)) then
    pages[#pages + 1] = name
    pages[#pages + 1] = all[n + 1]
  end
end
return {mark, pages}
