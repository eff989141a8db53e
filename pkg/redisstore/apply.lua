-- One atomic change: only where the stream ends where the writer believes it does.
-- KEYS: stream, meta, then every other key the operations touch.
-- ARGV: last id expected ("" for a stream that is not there, "*" for any), schema, epoch of the writer, then
-- operations: number of words, index of the key in KEYS, command, words behind the key.
-- Answers {"ok", last id, first error}, or why nothing was done: {"moved", last id}, {"schema", theirs}, {"epoch", theirs}.
local schema = redis.call('HGET', KEYS[2], 'schema')
if schema and tonumber(schema) > tonumber(ARGV[2]) then return {'schema', schema} end
local epoch = redis.call('HGET', KEYS[2], 'epoch')
if epoch and tonumber(epoch) > tonumber(ARGV[3]) then return {'epoch', epoch} end
local function last()
  if redis.call('EXISTS', KEYS[1]) == 0 then return '' end
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then return info[i + 1] end
  end
end
local at = last()
if ARGV[1] ~= '*' and at ~= ARGV[1] then return {'moved', at} end
local failed, i = '', 4
while i <= #ARGV do
  local n = tonumber(ARGV[i])
  local words = {ARGV[i + 2], KEYS[tonumber(ARGV[i + 1])]}
  for k = 1, n do words[k + 2] = ARGV[i + 2 + k] end
  local r
  if words[1] == 'XADD' then r = redis.call(unpack(words)) -- first, and all or nothing
  else r = redis.pcall(unpack(words)) end
  if type(r) == 'table' and r.err and failed == '' then failed = words[1] .. ' ' .. words[2] .. ': ' .. r.err end
  i = i + 3 + n
end
return {'ok', last(), failed}
