-- An output as caches keep it: the files of a result, found by a digest that the inputs of the step give.
--
-- A key becomes an action of the Remote Execution API: the command `bq step KEY`, on a folder with one file, `inputs.json`. Nobody
-- runs it. Its result has three files: `output.tar.zst`, `meta.json` and `log`.
local archive = require "bq.archive"
local digest = require "bq.digest"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local json = require "bq.json"
local key_of = require "bq.plan.key"
local message = require "bq.share.message"
local schema = require "bq.schema"
local store = require "bq.store"

local entry = {}

local ARCHIVE <const>, LOG <const>, META <const> = "output.tar.zst", "log", "meta.json"
-- A record up to this size is in the result itself, so that a look-up is one request. Servers take results up to 4 MiB.
local INLINE <const> = 1 << 18

---@class bq.share.Ask
---@field key string
---@field inputs table what the key is the digest of

---@class bq.share.Blob
---@field digest bq.share.Digest
---@field text? string
---@field path? string a file, instead of the text

---@class bq.share.Result
---@field meta? bq.Meta
---@field text? string of the record, as it came
---@field record bq.share.Digest
---@field archive bq.share.Digest
---@field log bq.share.Digest

---@param text string
---@return bq.share.Digest
local function digest_of(text)
  return { hash = digest.sha256(text), size = #text }
end

--- A text as a blob.
---@param text string
---@return bq.share.Blob
function entry.blob(text)
  return { digest = digest_of(text), text = text }
end

--- The digest of an action, and the blobs that it is made of: some servers refuse a result without its action.
---@param words string[] of its command
---@param outputs string[] the files of its result, sorted
---@param inputs string the text of its only input
---@return bq.share.Digest action
---@return bq.share.Blob[] blobs
function entry.action(words, outputs, inputs)
  local command = message.command(words, outputs)
  local root = message.directory { { name = "inputs.json", digest = digest_of(inputs) } }
  local action = message.action(digest_of(command), digest_of(root))
  local blobs = {}
  for index, text in ipairs { inputs, command, root, action } do
    blobs[index] = entry.blob(text)
  end
  return blobs[4].digest, blobs
end

--- Where the result of a step is, and what has to be there too.
---@param ask bq.share.Ask
---@return bq.share.Digest action
---@return bq.share.Blob[] blobs
function entry.address(ask)
  return entry.action({ "bq", "step", ask.key }, { LOG, META, ARCHIVE }, json.encode(ask.inputs))
end

--- Checks the record of an output that comes from outside. Raises if it is not that of the key.
---@param text string
---@param ask bq.share.Ask
---@param place string for messages
---@return bq.Meta
function entry.meta(text, ask, place)
  local meta = schema.parse(text, ("%s of %s"):format(META, place), store.META)
  if meta.key ~= ask.key or key_of.of(meta.inputs) ~= ask.key or meta.step ~= ask.inputs.step then
    fail.raise "its record is that of another output"
  end
  return meta
end

--- Reads a result. Raises if it is none.
---@param text string
---@param ask bq.share.Ask
---@param place string for messages
---@return bq.share.Result? # `nil` for the result of a failure, which some servers keep
function entry.read(text, ask, place)
  local found = message.read_result(text)
  if found.exit_code ~= 0 then
    return nil
  end
  for _, name in ipairs { ARCHIVE, LOG, META } do
    if not found.files[name] then
      fail.raise(("it has no `%s`"):format(name))
    end
  end
  local record, packed = found.files[META], found.files[ARCHIVE].digest
  local inline = record.contents
  if inline and digest.sha256(inline) ~= record.digest.hash then
    fail.raise "its record has another digest than it says"
  end
  return {
    text = inline,
    meta = inline and entry.meta(inline, ask, place) or nil,
    record = record.digest,
    archive = { hash = packed.hash, size = packed.size, is_packed = true },
    log = found.files[LOG].digest,
  }
end

--- Packs a stored output.
---@param workspace bq.Workspace
---@param meta bq.Meta
---@param folder string for the archive
---@return bq.share.Blob[] blobs
---@return string result
function entry.pack(workspace, meta, folder)
  local path, log = folder .. "/" .. ARCHIVE, store.log(workspace, meta.key)
  if not fs.lstat(log) then
    log = folder .. "/" .. LOG
    fs.write(log, "", { sync = false })
  end
  local packed = archive.pack {
    output = path,
    sources = { { path = store.output(workspace, meta.key), attributes = meta.attributes } },
    compression = "zstd",
    mtime = meta.inputs.epoch,
  }
  local record = fs.read(store.record(workspace, meta.key))
  local blobs = {
    { digest = { hash = packed.sha256, size = packed.size }, path = path },
    { digest = { hash = digest.file(log), size = fs.stat(log).size }, path = log },
    entry.blob(record),
  }
  local result = message.result {
    { path = LOG, digest = blobs[2].digest },
    { path = META, digest = blobs[3].digest, contents = #record <= INLINE and record or nil },
    { path = ARCHIVE, digest = blobs[1].digest },
  }
  return blobs, result
end

--- Makes an entry of the store from the files of a result, and checks all of it. Raises if anything is wrong. What was written is not
--- durable yet.
---@param result bq.share.Result with its record
---@param from { archive: string, log: string } the files
---@param target string a new folder
function entry.unpack(result, from, target)
  local meta, output =
    result.meta, --[[@as bq.Meta]]
    target .. "/output"
  fs.mkdir(output)
  archive.extract {
    path = from.archive,
    sha256 = result.archive.hash,
    target = output,
    profile = "rootfs",
    attributes = "collect",
  }
  local actual = store.digest(output, meta.attributes)
  if actual ~= meta.output then
    fail.raise(("tree digest %s, expected %s"):format(actual, meta.output))
  elseif digest.file(from.log) ~= result.log.hash then
    fail.raise "its log has another digest"
  end
  fs.copy(from.log, target .. "/log")
  fs.chmod(target .. "/log", files.mode "0644")
  fs.write(target .. "/" .. META, result.text --[[@as string]], { sync = false })
end

return entry
