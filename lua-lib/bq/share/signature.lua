-- Who says that an output is what its inputs give: signatures of (key, output digest, signer, time), and whom a user trusts.
--
-- A signature is an entry of its own in a cache, addressed by key and signer, so that signers do not overwrite each other.
local digest = require "bq.digest"
local entry = require "bq.share.entry"
local fail = require "bq.fail"
local fs = require "bq.fs"
local json = require "bq.json"
local message = require "bq.share.message"
local schema = require "bq.schema"
local sign = require "bq.sign"

local signature = {}

-- What is signed begins with this, so that no other text that a key signs can be taken for it.
local PURPOSE <const> = "bq output 1\n"
local FILE <const> = "signature.json"
-- The longest file of a key or of trusted keys, in bytes.
local LIMIT <const> = 1 << 20
local SECRET <const> = "bq-secret-ed25519:"
local OTHERS <const> = tonumber("077", 8)

---@type bq.schema.Format
local FORMAT <const> = {
  what = "a signature",
  limit = 1 << 16,
  kind = schema.record {
    signature = schema.text { max = 128, pattern = ("%x"):rep(128), what = "128 hexadecimal digits" },
    statement = schema.record {
      key = schema.KEY,
      output = schema.SHA256,
      signer = schema.SHA256,
      time = schema.whole(),
    },
  },
}

---@class bq.share.Trust
---@field threshold integer how many of the keys have to sign
---@field keys { name: string, public: string }[]

--- Reads whom a user trusts: `2 of` in the first line, then a key a line, `NAME ed25519:DIGITS`.
---@param path string
---@return bq.share.Trust
function signature.trust(path)
  return fail.wrap(("cannot read whom to trust, `%s`"):format(path), {
    hint = "its first line is `1 of` or more; each other one is what `bq scripts/key.lua FILE` prints",
  }, function()
    local out, seen = { keys = {} }, {}
    for line in fs.read(path, { limit = LIMIT }):gmatch "[^\r\n]+" do
      line = line:gsub("%s*#.*", ""):match "^%s*(.-)%s*$"
      local name, public = line:match "^(%S+)%s+ed25519:(%x+)$"
      if line ~= "" and not out.threshold then
        out.threshold = math.tointeger(tonumber(line:match "^(%d+) of$"))
          or fail.raise(("`%s` is no number of keys"):format(line))
      elseif line ~= "" and (not public or #public ~= 64) then
        fail.raise(("`%s` is no key"):format(line))
      elseif line ~= "" and seen[public:lower()] then
        fail.raise(("`%s` and `%s` are the same key"):format(seen[public:lower()], name))
      elseif line ~= "" then
        seen[public:lower()] = name
        out.keys[#out.keys + 1] = { name = name, public = public:lower() }
      end
    end
    if not out.threshold or out.threshold < 1 or out.threshold > #out.keys then
      fail.raise(("it asks for %s of %d keys"):format(out.threshold or "none", #out.keys))
    end
    return out
  end)
end

--- Makes a key, unless the file is there.
---@param path string
---@return string public
function signature.make_key(path)
  if not fs.lstat(path) then
    fs.write(path, SECRET .. sign.generate() .. "\n", { mode = tonumber("600", 8) })
  end
  return sign.public(signature.secret(path))
end

--- Reads a secret key. Only its owner may be able to read the file.
---@param path string
---@return string
function signature.secret(path)
  local stat = fs.stat(path)
    or fail.raise(("there is no key `%s`"):format(path), {
      hint = ("make one: `bq scripts/key.lua %s`"):format(path),
    })
  if stat.mode & OTHERS ~= 0 then
    fail.raise(("others can read the key `%s`"):format(path), { hint = ("`chmod 600 %s`"):format(path) })
  end
  local text = fs.read(path, { limit = LIMIT })
  local digits = text:sub(#SECRET + 1):match("^(" .. ("%x"):rep(64) .. ")%s*$")
  return text:sub(1, #SECRET) == SECRET and digits or fail.raise(("`%s` is no key of bq"):format(path))
end

--- Where the signature of a key by a signer is, and what has to be there too.
---@param key string
---@param signer string the public key
---@return bq.share.Digest action
---@return bq.share.Blob[] blobs
function signature.address(key, signer)
  return entry.action({ "bq", "signature", key, signer }, { FILE }, json.encode { key = key, signer = signer })
end

local function signed(statement)
  return PURPOSE .. json.encode(statement)
end

--- A signature, as a cache keeps it.
---@param secret string
---@param key string
---@param output string its digest
---@return bq.share.Digest action
---@return bq.share.Blob[] blobs
---@return string result
function signature.make(secret, key, output)
  local statement = { key = key, output = output, signer = sign.public(secret), time = os.time() }
  local text = json.encode { signature = sign.sign(secret, signed(statement)), statement = statement }
  local action, blobs = signature.address(key, statement.signer)
  local own = { hash = digest.sha256(text), size = #text }
  blobs[#blobs + 1] = { digest = own, text = text }
  return action, blobs, message.result { { path = FILE, digest = own, contents = text } }
end

--- Whether a result is the signature of an output.
---@param result string
---@param key string
---@param output string its digest
---@param public string the key of the signer
---@return boolean
function signature.is_right(result, key, output, public)
  local ok, is_right = pcall(function()
    local file = message.read_result(result).files[FILE]
    local one = schema.parse(file.contents, FILE, FORMAT)
    local said = one.statement
    return said.key == key
      and said.output == output
      and said.signer == public
      and sign.verify(public, signed(said), one.signature)
  end)
  return ok and is_right
end

--- What a result of a shared store signs; `nil` if it is no signature.
---@param result { files: table<string, bq.share.File> }
---@param hash string where it is
---@return string? key
---@return string[]? hashes of its blobs
function signature.of(result, hash)
  local ok, key, hashes = pcall(function()
    local file = result.files[FILE]
    local said = schema.parse(file.contents, FILE, FORMAT).statement
    local address, blobs = signature.address(said.key, said.signer)
    assert(address.hash == hash)
    local hashes = { file.digest.hash }
    for _, blob in ipairs(blobs) do
      hashes[#hashes + 1] = blob.digest.hash
    end
    return said.key, hashes
  end)
  if ok then
    return key, hashes
  end
end

return signature
