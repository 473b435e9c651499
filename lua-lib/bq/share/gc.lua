-- What can go from workspaces and shared stores: what the plans of the named workspaces do not reach.
--
-- A thing that can go is data (`bq.share.Thing`): what it is, how large, and when it was used last. `choose` picks by the rules of
-- the user, and only `remove` changes anything.
local action = require "bq.share.action"
local emulator = require "bq.seed.emulator"
local entry = require "bq.share.entry"
local files = require "bq.files"
local fs = require "bq.fs"
local json = require "bq.json"
local message = require "bq.share.message"
local signature = require "bq.share.signature"
local state = require "bq.run.state"
local store = require "bq.store"
local tables = require "bq.tables"

local gc = {}

-- A blob without a result may be of an upload that goes on: the result comes last. After this many seconds it is not.
local UPLOAD <const> = 86400

---@class bq.share.Thing
---@field kind "output"|"signature"|"source"|"seed"|"blob"|"note"
---@field what string for people
---@field step? string of an output
---@field arch? string of an output
---@field size integer bytes
---@field used number when it was used last, in seconds since 1970; builds of one second are told apart
---@field reached boolean whether a plan needs it
---@field paths string[] what is removed, in this order
---@field hashes? string[] of an output in a shared store: its blobs

---@class bq.share.Rules
---@field now integer
---@field older_than? integer seconds
---@field to? integer bytes
---@field keep? integer builds of each step, for each architecture

local function thing_of(path, fields)
  local stat = fs.lstat(path)
  fields.size, fields.used, fields.paths = files.bytes(path, stat), stat and stat.mtime_ns / 1e9 or 0, { path }
  return fields
end

--- The keys that the plan of a workspace reaches, as far as they are known, and where shared stores have them.
---@param space bq.Workspace with a plan
---@return table<string, true> keys
---@return table<string, true> hashes of actions
---@return table<string, true> trees digests of the outputs
function gc.reached(space)
  local keys, hashes, trees = {}, {}, {}
  local build = state.look(space, space:plan())
  for id, key in pairs(build.keys) do
    local meta = build.states[id] == "done" and (store.get(space, key) or store.known(space, key))
    if meta then
      keys[key], hashes[entry.address({ key = key, inputs = meta.inputs }).hash] = true, true
      trees[meta.output] = true
    end
  end
  return keys, hashes, trees
end

--- What a workspace remembers of the archives that workers got, as far as no step needs it: small files, and locks.
---@param trees table<string, true> names of the archives that are needed
---@return bq.share.Thing?
local function notes_of(space, trees)
  local path, paths, size, used = space:at("share", "archives"), {}, 0, 0
  for _, name in ipairs(fs.stat(path) and fs.list(path) or {}) do
    if not trees[name:match "^[^.]*"] then
      local one = thing_of(path .. "/" .. name, {})
      paths[#paths + 1], size, used = one.paths[1], size + one.size, math.max(used, one.used)
    end
  end
  return #paths > 0
      and { kind = "note", what = "notes of archives", reached = false, paths = paths, size = size, used = used }
    or nil
end

--- All that is in a workspace: outputs, sources, and what the seed was made from. The outputs are listed before the plan is
--- looked at, so what a running build adds meanwhile is not among them.
---@param space bq.Workspace with a plan
---@return bq.share.Thing[]
function gc.of_workspace(space)
  local names, out = store.keys(space), {}
  local keys, _, trees = gc.reached(space)
  local lock = space:locked()
  for _, key in ipairs(names) do
    local meta = store.get(space, key)
    local step = meta and meta.step or nil
    out[#out + 1] = thing_of(space:at("store", key), {
      kind = "output",
      step = step,
      arch = meta and meta.inputs.arch,
      what = ("%s %s"):format(step or "a damaged output", key:sub(1, 12)),
      reached = keys[key] or false,
    })
  end
  local seed, packages, starts = lock.seed or {}, {}, {}
  starts[(seed.sha256 or ""):sub(1, 16)] = true
  for _, list in ipairs { seed.packages or {}, lock.emulator and lock.emulator.packages or {} } do
    for _, package in ipairs(list) do
      packages[files.name(package.pool or "")] = true
    end
  end
  for _, one in pairs(lock.sources or {}) do
    starts[one.sha256:sub(1, 16)] = true
  end
  for _, folder in ipairs { "sources", "seed", "seed/packages" } do
    local path, kind = space:at(folder), folder:match "^%l%l%l%l" == "seed" and "seed" or "source"
    for _, name in ipairs(fs.stat(path) and fs.list(path) or {}) do
      -- Most begin with a part of their digest. Other files are notes of bq, or are being fetched.
      local digits = name:match "^(%x+)%-"
      local is_package = folder == "seed/packages" and name:find "%.deb$"
      if is_package or digits and #digits == 16 and not name:find "%.part$" then
        local reached = is_package and packages[name] or not is_package and starts[digits] or false
        out[#out + 1] = thing_of(path .. "/" .. name, { kind = kind, what = kind .. " " .. name, reached = reached })
      end
    end
  end
  local programs = space:at "seed/emulator"
  for _, name in ipairs(fs.stat(programs) and fs.list(programs) or {}) do
    local path = programs .. "/" .. name
    local reached = lock.emulator ~= nil and emulator.path(space, lock.emulator) == path
    out[#out + 1] = thing_of(path, { kind = "seed", what = "emulator " .. name, reached = reached })
  end
  local staged = space:staged()
  if staged then
    local library = action.library(space)
    trees[staged.seed_digest], trees[library and library.name or ""] = true, true
  end
  out[#out + 1] = notes_of(space, trees)
  return out
end

--- A result of a shared store; `nil` for what is none.
local function result_of(path, hash)
  local ok, found = pcall(function()
    return message.read_result(fs.read(("%s/ac/%s"):format(path, hash), { nofollow = true, limit = message.LARGEST }))
  end)
  return ok and found or nil
end

--- The record of a result, and its blobs. `nil` for what is no output of bq: it is left alone.
local function described(path, hash, found)
  local record = found.files["meta.json"]
  local text = record and record.contents
  if record and not text then
    local blob = ("%s/cas/%s"):format(path, record.digest.hash)
    local is_read, bytes = pcall(fs.read, blob, { nofollow = true, limit = store.META.limit })
    text = is_read and bytes or nil
  end
  local is_ours, meta, blobs = pcall(function()
    local meta = json.decode(text)
    local action, inputs = entry.address { key = meta.key, inputs = meta.inputs }
    assert(action.hash == hash and meta.step)
    local hashes = {}
    for _, blob in ipairs(inputs) do
      hashes[#hashes + 1] = blob.digest.hash
    end
    for _, file in pairs(found.files) do
      hashes[#hashes + 1] = file.digest.hash
    end
    return meta, hashes
  end)
  if is_ours then
    return meta, blobs
  end
end

--- All that is in a shared store.
---@param path string
---@param hashes table<string, true> of actions that plans reach
---@return bq.share.Thing[]
function gc.of_store(path, hashes)
  local out, counted, foreign, by_key, signed = {}, {}, false, {}, {}
  for _, hash in ipairs(fs.stat(path .. "/ac") and fs.list(path .. "/ac") or {}) do
    local found = result_of(path, hash) or { files = {} }
    local meta, blobs = described(path, hash, found)
    local of, own = signature.of(found, hash)
    if of then
      signed[#signed + 1] = { path = ("%s/ac/%s"):format(path, hash), key = of, hashes = own }
    elseif meta then
      local thing = thing_of(("%s/ac/%s"):format(path, hash), {
        kind = "output",
        step = meta.step,
        arch = meta.inputs.arch,
        what = ("%s %s"):format(meta.step, hash:sub(1, 12)),
        reached = hashes[hash] or false,
        hashes = blobs,
      })
      for _, blob in ipairs(blobs) do
        local file = ("%s/cas/%s"):format(path, blob)
        thing.size = thing.size + (counted[blob] and 0 or files.bytes(file, fs.lstat(file)))
        counted[blob] = true
      end
      out[#out + 1], by_key[meta.key] = thing, thing
    else
      foreign = true
    end
  end
  -- Signatures go with what they sign.
  for _, one in ipairs(signed) do
    local thing = by_key[one.key]
    if not thing then
      thing = thing_of(one.path, { kind = "signature", what = "a signature of " .. one.key:sub(1, 12), hashes = {} })
      thing.reached, out[#out + 1], by_key[one.key] = false, thing, thing
    end
    table.insert(thing.paths, one.path)
    tables.append(thing.hashes, one.hashes)
    for _, hash in ipairs(one.hashes) do
      counted[hash] = true
    end
  end
  for _, hash in ipairs(not foreign and fs.stat(path .. "/cas") and fs.list(path .. "/cas") or {}) do
    if not counted[hash] then
      local thing = thing_of(("%s/cas/%s"):format(path, hash), { kind = "blob", what = "a blob without a result" })
      thing.reached = thing.used > os.time() - UPLOAD
      out[#out + 1] = thing
    end
  end
  return out
end

--- What goes, the oldest first.
---@param things bq.share.Thing[]
---@param rules bq.share.Rules
---@return bq.share.Thing[]
function gc.choose(things, rules)
  local sorted, builds, total, out = { table.unpack(things) }, {}, 0, {}
  table.sort(sorted, function(a, b)
    return a.used > b.used or a.used == b.used and a.what < b.what
  end)
  for _, thing in ipairs(sorted) do
    total = total + thing.size
    local step = thing.step and ("%s %s"):format(thing.arch, thing.step)
    if step then
      builds[step] = (builds[step] or 0) + 1
    end
    local is_kept = thing.reached
      or rules.older_than and thing.used > rules.now - rules.older_than
      or rules.keep and step and builds[step] <= rules.keep
    if not is_kept then
      table.insert(out, 1, thing)
    end
  end
  -- With a size to reach, the newest of those stay.
  for index, thing in ipairs(rules.to and out or {}) do
    if total <= rules.to then
      return { table.unpack(out, 1, index - 1) }
    end
    total = total - thing.size
  end
  return out
end

--- Removes things of a workspace or a shared store. Results go before their blobs, so nobody finds a result without them. What
--- belongs to another user stays.
---@param gone bq.share.Thing[]
---@param all bq.share.Thing[] of the same store
---@param store_path? string of a shared store
---@return string[] failed
function gc.remove(gone, all, store_path)
  local is_gone, needed, failed = {}, {}, {}
  for _, thing in ipairs(gone) do
    is_gone[thing] = true
    for _, path in ipairs(thing.paths) do
      local ok, err = pcall(fs.remove_all, path)
      if not ok then
        is_gone[thing], failed[#failed + 1] = nil, tostring(err)
      end
    end
  end
  for _, thing in ipairs(all) do
    for _, hash in ipairs(not is_gone[thing] and thing.hashes or {}) do
      needed[hash] = true
    end
  end
  for _, thing in ipairs(gone) do
    for _, hash in ipairs(is_gone[thing] and thing.hashes or {}) do
      local ok, err = true, nil
      if not needed[hash] then
        ok, err = pcall(fs.remove_all, ("%s/cas/%s"):format(store_path, hash))
      end
      failed[#failed + 1] = not ok and tostring(err) or nil
    end
  end
  return failed
end

return gc
