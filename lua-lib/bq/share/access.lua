-- How a cache knows this client: headers and certificates. Secrets come from files or a program, never from a command line.
local fail = require "bq.fail"
local fs = require "bq.fs"
local process = require "bq.process"

local access = {}

-- The longest file with a secret or headers, and with certificates, in bytes.
local SHORT <const>, LONG <const> = 1 << 16, 1 << 22
-- How long a program that prints a token may take, in seconds.
local PATIENCE <const> = 60
local BASE64 <const> = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

--- The base64 text of some bytes (RFC 4648).
---@param bytes string
---@return string
function access.base64(bytes)
  local out = {}
  for index = 1, #bytes, 3 do
    local a, b, c = bytes:byte(index, index + 2)
    local number = a << 16 | (b or 0) << 8 | (c or 0)
    for place = 0, 3 do
      local digit = number >> (18 - 6 * place) & 63
      local is_empty = place == 2 and not b or place == 3 and not c
      out[#out + 1] = is_empty and "=" or BASE64:sub(digit + 1, digit + 1)
    end
  end
  return table.concat(out)
end

local function read(option, path, limit)
  return fail.wrap(("cannot read the file of `--%s`"):format(option), nil, fs.read, path, { limit = limit })
end

--- The first line of a file or of what a program printed.
local function secret(text, from)
  local line = text:match("^[^\r\n]*"):match "^%s*(.-)%s*$"
  if line == "" or line:find "%c" then
    fail.raise(("%s has no token in its first line"):format(from))
  end
  return line
end

--- The token that a program prints for an address.
local function of_helper(program, url)
  local status = process.run {
    argv = { program, url },
    stdin = "null",
    stdout = "capture",
    stderr = "inherit",
    timeout = PATIENCE,
  }
  if not status.ok then
    fail.raise(("`%s` gave no token for `%s`"):format(program, url), {
      cause = status.signal and "signal " .. status.signal or ("status %d"):format(status.code),
      hint = "run it by hand; it is given the address, and prints the token",
    })
  end
  return secret(status.stdout, ("what `%s` printed"):format(program))
end

--- The headers and certificates for a cache.
---@param options table<string|integer, any> of a program, by the names of `bq.share.options`
---@param url string
---@return { headers: string[], tls: { ca?: string, cert?: string, key?: string } }
function access.of(options, url)
  local headers = {}
  for _, path in ipairs(options.remote_header or {}) do
    for line in read("remote-header", path, SHORT):gmatch "[^\r\n]+" do
      if not line:find "^[%w!#$%%&'*+.^_`|~-]+:%s*[^%c]*$" then
        fail.raise(("a line of `%s` is no header"):format(path), { hint = "write `Name: value`, one a line" })
      end
      headers[#headers + 1] = line
    end
  end
  if options.remote_login then
    local login = secret(read("remote-login", options.remote_login, SHORT), ("`%s`"):format(options.remote_login))
    headers[#headers + 1] = "Authorization: Basic " .. access.base64(login)
  elseif options.remote_token then
    local token = secret(read("remote-token", options.remote_token, SHORT), ("`%s`"):format(options.remote_token))
    headers[#headers + 1] = "Authorization: Bearer " .. token
  elseif options.remote_helper then
    headers[#headers + 1] = "Authorization: Bearer " .. of_helper(options.remote_helper, url)
  end
  if (options.remote_cert == nil) ~= (options.remote_key == nil) then
    fail.usage "`--remote-cert` and `--remote-key`: a client's certificate needs both"
  end
  local tls = {}
  for _, name in ipairs { "ca", "cert", "key" } do
    local path = options["remote_" .. name]
    tls[name] = path and read("remote-" .. name, path, LONG) or nil
  end
  return { headers = headers, tls = tls }
end

return access
