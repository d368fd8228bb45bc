#!lua name=rapport
-- The fenced write: state and offset move together, or not at all.
--
-- Keys that are touched (all of one partition, one hash tag, one slot; see processors/state/layout.py):
--   KEYS[1]   TAGfence            hash: epoch, seq, next, and the totals
--   KEYS[2..] whatever the write's operations name: TAGi:<influencer>, TAGc:<influencer>, TAGids:<hour>,
--             TAGacts:<hour>, TAGreadings, TAGreadings:none, TAGspark, TAGalerts, TAGoutbox, TAGunevaluated, TAGpart,
--             TAGshadow; of the notifier TAGnotify:<alerts, groups, ended, queue, failed, again, log>
--
-- epoch  raised by every claim; a writer with a lower one is a zombie and is refused
-- next   offset of the first record that is not yet in the state
-- seq    counts fenced writes, so that a write repeated after a lost answer is recognised even when it
--        does not move `next` (timers and sweeps)

-- No string may grow beyond this: Redis refuses what is longer than proto-max-bulk-len (512 MiB), and a function
-- that is refused half way does not roll back what it wrote before.
local MAX_STRING = 268435456

-- rapport_claim(fence) -> every field of the fence after the epoch was raised
local function claim(keys)
  redis.call('HINCRBY', keys[1], 'epoch', 1)
  return redis.call('HGETALL', keys[1])
end

-- rapport_apply(keys, epoch, seq, prev, next, op...) -> {answer, next}
-- An operation is: name, index of its key, count of its arguments, arguments.
--   OK     applied: state and fence have moved
--   SAME   it was applied before and only our answer got lost
--   MOVED  the fence is not where the writer thinks (Redis lost something, or was emptied): claim again
--   OLD    somebody with a higher epoch owns the partition
--   FULL   a string would grow beyond MAX_STRING: nothing was written
local function fits(keys, args)
  local lengths = {}
  local i = 5
  while i <= #args do
    local name, key = args[i], args[i + 1]
    if name == 'APPEND' then
      lengths[key] = (lengths[key] or redis.call('STRLEN', keys[tonumber(key)])) + #args[i + 3]
      if lengths[key] > MAX_STRING then return false end
    elseif name == 'SET' then
      lengths[key] = #args[i + 3]
    elseif name == 'UNLINK' then
      lengths[key] = 0
    end
    i = i + 3 + tonumber(args[i + 2])
  end
  return true
end

local function apply(keys, args)
  local fence = redis.call('HMGET', keys[1], 'epoch', 'seq', 'next')
  local epoch, seq, cur = fence[1] or '0', fence[2] or '0', fence[3] or '-1'
  if tonumber(epoch) > tonumber(args[1]) then return {'OLD', cur} end
  if epoch ~= args[1] then return {'MOVED', cur} end
  local written = tostring(tonumber(args[2]) + 1)
  if seq == written and cur == args[4] then return {'SAME', cur} end
  if seq ~= args[2] or cur ~= args[3] then return {'MOVED', cur} end
  if not fits(keys, args) then return {'FULL', cur} end
  local i = 5
  while i <= #args do
    local name, key, count = args[i], keys[tonumber(args[i + 1])], tonumber(args[i + 2])
    redis.call(name, key, unpack(args, i + 3, i + 2 + count))
    i = i + 3 + count
  end
  redis.call('HSET', keys[1], 'next', args[4], 'seq', written)
  return {'OK', args[4]}
end

-- rapport_version() -> the version of this file; `rapport doctor` compares it on every primary
local function version() return 2 end

redis.register_function('rapport_claim', claim)
redis.register_function('rapport_apply', apply)
redis.register_function{function_name = 'rapport_version', callback = version, flags = {'no-writes'}}
