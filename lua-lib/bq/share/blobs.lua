-- A place that keeps outputs as results and blobs: a shared store, or a cache. How the bytes travel is its transport's.
local entry = require "bq.share.entry"
local fail = require "bq.fail"
local fs = require "bq.fs"
local signature = require "bq.share.signature"
local tables = require "bq.tables"

local blobs = {}

---@class bq.share.Trouble with a place as a whole
---@field kind "down"|"refused"|"large" it cannot be used; it takes nothing; it does not take a blob for its size
---@field text string
---@field size? integer bytes of a blob that is too large
---@field lacks_blobs? boolean it did not take a result, since it has not all that is in it

---@class bq.share.Transport
---@field name string for messages
---@field results fun(self, actions: bq.share.Digest[]): table<string, string>, bq.share.Trouble?
---@field fetch fun(self, blobs: bq.share.Digest[], into: string): table<string, string>, bq.share.Trouble?
---@field may_write fun(self): boolean
---@field has fun(self, blobs: bq.share.Digest[]): boolean
---@field upload fun(self, blobs: bq.share.Blob[], again?: boolean): integer?, bq.share.Trouble?
---@field publish fun(self, action: bq.share.Digest, text: string): bq.share.Trouble?

---@class bq.share.Blobs: bq.share.Place
---@field transport bq.share.Transport
---@field trust? bq.share.Trust whose signatures an output has to have
---@field secret? string the key that signs what is written
---@field too_large? integer bytes; a blob of this size was not taken
---@field is_ready? boolean whether this user may write to it; `nil` until it is known
local Blobs = {}
Blobs.__index = Blobs

--- A place.
---@param transport bq.share.Transport
---@param is_written boolean whether what is built goes there
---@return bq.share.Blobs
function blobs.new(transport, is_written)
  return setmetatable({ transport = transport, name = transport.name, is_written = is_written }, Blobs)
end

--- The results of steps.
---@param asks bq.share.Ask[]
---@return table<string, bq.share.Result> # by key, of those that are there
---@return table<string, string> wrong by key, why what is there is not taken
---@return bq.share.Trouble?
function Blobs:look(asks)
  local actions, out, wrong, records, by_hash = {}, {}, {}, {}, {} ---@type bq.share.Digest[], table, table, table, table
  for index, ask in ipairs(asks) do
    actions[index] = entry.address(ask)
  end
  local texts, trouble = self.transport:results(actions)
  for index, ask in ipairs(asks) do
    local text = texts[actions[index].hash]
    local ok, found = pcall(function()
      return text and entry.read(text, ask, self.name)
    end)
    if not ok then
      wrong[ask.key] = tostring(found)
    elseif found then
      out[ask.key] = found
      if not found.meta then
        records[#records + 1], by_hash[found.record.hash] = found.record, ask
      end
    end
  end
  if #records > 0 and not trouble then
    trouble = self:records(out, wrong, records, by_hash)
  end
  if self.trust and not trouble then
    trouble = self:require_signatures(out, wrong)
  end
  return out, wrong, trouble
end

--- Leaves out the outputs that too few trusted keys have signed.
function Blobs:require_signatures(out, wrong)
  local actions, of = {}, {} ---@type bq.share.Digest[], table<string, { key: string, public: string }>
  for key in tables.sorted(out) do
    for _, one in ipairs(self.trust.keys) do
      local action = signature.address(key, one.public)
      actions[#actions + 1], of[action.hash] = action, { key = key, public = one.public }
    end
  end
  local counts, texts, trouble = {}, self.transport:results(actions)
  for hash, one in pairs(of) do
    local output = out[one.key].meta.output
    if texts[hash] and signature.is_right(texts[hash], one.key, output, one.public) then
      counts[one.key] = (counts[one.key] or 0) + 1
    end
  end
  for key in pairs(out) do
    local count = counts[key] or 0
    if count < self.trust.threshold then
      out[key], wrong[key] = nil, ("it has %d of %d trusted signatures"):format(count, self.trust.threshold)
    end
  end
  return trouble
end

--- Signs an output, unless that was done.
local function sign(self, key, output)
  local action, list, result = signature.make(self.secret, key, output)
  local found, trouble = self.transport:results { action }
  if trouble or found[action.hash] then
    return trouble
  end
  local written
  written, trouble = self.transport:upload(list)
  return trouble or written and self.transport:publish(action, result) or nil
end

--- Fetches the records that are not in their results.
function Blobs:records(out, wrong, records, by_hash)
  local aside = fs.mkdtemp(self.aside .. "/records-")
  local paths, trouble = self.transport:fetch(records, aside)
  for hash, ask in pairs(by_hash) do
    local found = out[ask.key]
    local ok, err = pcall(function()
      found.text = paths[hash] and fs.read(paths[hash], { nofollow = true, limit = found.record.size }) or nil
      found.meta = found.text and entry.meta(found.text, ask, self.name) or nil
    end)
    wrong[ask.key] = not ok and tostring(err) or nil
    out[ask.key] = found.meta and found or nil
  end
  fs.remove_all(aside)
  return trouble
end

--- Makes entries of the store from results, in folders of their own.
---@param results bq.share.Result[]
---@param into string a folder
---@return table<string, string> # folders by key, of those that are whole
---@return table<string, string> wrong by key, why what came is not taken
---@return bq.share.Trouble?
---@return integer bytes
function Blobs:get(results, into)
  local wanted, out, wrong, bytes = {}, {}, {}, 0
  for _, one in ipairs(results) do
    wanted[#wanted + 1], wanted[#wanted + 2] = one.archive, one.log.size > 0 and one.log or nil
  end
  local paths, trouble = self.transport:fetch(wanted, into)
  for _, one in ipairs(results) do
    local path, log = paths[one.archive.hash], paths[one.log.hash]
    local key, target = one.meta.key, ("%s/%s"):format(into, one.meta.key)
    if one.log.size == 0 then
      log = target .. ".log"
      fs.write(log, "", { sync = false })
    end
    if path and log then
      local ok, err = pcall(entry.unpack, one, { archive = path, log = log }, target)
      if ok then
        out[key], bytes = target, bytes + one.archive.size
      elseif fail.is_expected(err) then
        wrong[key] = tostring(err)
      else
        error(err, 0)
      end
    end
  end
  -- Once for all of them: many are small.
  fs.syncfs(into)
  return out, wrong, trouble, bytes
end

--- Writes blobs, unless one is as large as one that was not taken.
local function upload(self, all, again)
  for _, blob in ipairs(all) do
    if blob.digest.size >= (self.too_large or math.huge) then
      return nil, { kind = "large", size = self.too_large, text = "a smaller blob was too large" }
    end
  end
  local bytes, trouble = self.transport:upload(all, again)
  if trouble and trouble.kind == "large" then
    self.too_large = math.min(trouble.size, self.too_large or math.huge)
  end
  return bytes, trouble
end

--- Writes an output, unless it is there.
---@param ask bq.share.Ask
---@param output string its digest
---@param pack fun(): bq.share.Blob[], string the blobs and the result
---@param again? boolean what is there is wrong
---@return integer? bytes that were written; `nil` if there was nothing to do, or it failed
---@return bq.share.Trouble?
function Blobs:put(ask, output, pack, again)
  local action, inputs = entry.address(ask)
  if not again then
    local found, trouble = self.transport:results { action }
    if trouble and trouble.kind == "down" then
      return nil, trouble
    end
    -- What another one wrote first stays.
    local ok, result = pcall(entry.read, found[action.hash] or "", ask, self.name)
    again = found[action.hash] ~= nil and not ok
    if ok and result and self.transport:has { result.archive, result.log } then
      local is_ours = self.secret and result.meta and result.meta.output == output
      return nil, is_ours and sign(self, ask.key, output) or nil
    end
  end
  local own, text = pack()
  local all = tables.append(inputs, own)
  local bytes, trouble = upload(self, all, again)
  if bytes then
    trouble = self.transport:publish(action, text)
    if trouble and trouble.lacks_blobs then
      -- What was there before is dropped at any time.
      bytes, trouble = self.transport:upload(all)
      trouble = trouble or self.transport:publish(action, text)
    end
    trouble = trouble or self.secret and sign(self, ask.key, output) or nil
  end
  return not trouble and bytes or nil, trouble
end

return blobs
