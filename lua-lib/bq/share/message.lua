-- Messages of the Remote Execution API in their binary form: what a cache keeps. Only the fields that bq uses; others are skipped
-- when a message is read.
--   github.com/bazelbuild/remote-apis, build/bazel/remote/execution/v2/remote_execution.proto
local wire = require "bq.share.wire"

local message = {}

--- The largest result that is read, in bytes. Servers of the Remote Execution API have the same limit for a message.
message.LARGEST = 4 << 20

---@class bq.share.Digest
---@field hash string SHA-256, 64 hexadecimal digits
---@field size integer bytes
---@field is_packed? boolean its content is compressed

---@class bq.share.File a file of a result
---@field path string
---@field digest bq.share.Digest
---@field contents? string of a small file, so that it needs no request of its own

local bytes, whole, fields, last = wire.bytes, wire.whole, wire.fields, wire.last

---@param digest bq.share.Digest
---@return string
function message.digest(digest)
  return bytes(1, digest.hash) .. whole(2, digest.size)
end

--- A command that nobody runs: it names the step, and what a result of it has.
---@param arguments string[]
---@param outputs string[] paths of files, sorted
---@return string
function message.command(arguments, outputs)
  local out = {}
  for _, one in ipairs(arguments) do
    out[#out + 1] = bytes(1, one)
  end
  -- Old servers know only the first of these two fields, new ones only the second.
  for _, field in ipairs { 3, 7 } do
    for _, path in ipairs(outputs) do
      out[#out + 1] = bytes(field, path)
    end
  end
  return table.concat(out)
end

--- A folder of plain files.
---@param files { name: string, digest: bq.share.Digest }[] sorted by name
---@return string
function message.directory(files)
  local out = {}
  for index, file in ipairs(files) do
    out[index] = bytes(1, bytes(1, file.name) .. bytes(2, message.digest(file.digest)))
  end
  return table.concat(out)
end

---@param command bq.share.Digest
---@param input_root bq.share.Digest
---@return string
function message.action(command, input_root)
  return bytes(1, message.digest(command)) .. bytes(2, message.digest(input_root))
end

---@param files bq.share.File[]
---@return string
function message.result(files)
  local out = {}
  for index, file in ipairs(files) do
    local inline = file.contents and bytes(5, file.contents) or ""
    out[index] = bytes(2, bytes(1, file.path) .. bytes(2, message.digest(file.digest)) .. inline)
  end
  return table.concat(out)
end

--- Reads a digest.
---@param text string
---@return bq.share.Digest
function message.read_digest(text)
  local found = fields(text)
  local hash, size = last(found, 1, ""), last(found, 2, 0)
  if #hash ~= 64 or hash:find "[^0-9a-f]" or size < 0 then
    wire.broken()
  end
  return { hash = hash, size = size }
end

--- Reads a result. Raises if it is none, or if one of its files has no path or digest.
---@param text string
---@return { files: table<string, bq.share.File>, exit_code: integer } files by path
function message.read_result(text)
  local found, out = fields(text), { files = {} }
  for _, one in ipairs(wire.texts(found, 2)) do
    local file = fields(one)
    local contents = last(file, 5, "")
    local path = last(file, 1, "")
    out.files[path] = {
      path = path,
      digest = message.read_digest(last(file, 2, "")),
      contents = contents ~= "" and contents or nil,
    }
  end
  out.exit_code = last(found, 4, 0)
  return out
end

return message
