-- The certificates of the authorities that Mozilla trusts for servers, in one file. `certdata.txt` holds them and what each is
-- trusted for.
local base64 <const> = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function encode(bytes)
  local out = {}
  for at = 1, #bytes, 3 do
    local a, b, c = bytes:byte(at, at + 2)
    local group = a << 16 | (b or 0) << 8 | (c or 0)
    for index = 0, 3 do
      local six = (group >> 18 - 6 * index & 63) + 1
      out[#out + 1] = (index < 2 or index == 2 and b or c) and base64:sub(six, six) or "="
    end
  end
  return (table.concat(out):gsub(("."):rep(64), "%0\n"):gsub("\n$", ""))
end

--- The objects of the file, each with its fields by name: bytes, or the rest of the line after the type.
local function objects(text)
  local out, object, bytes, name = {}, nil, nil, nil ---@type table[], table, string[]?, string
  for line in text:match("\nBEGINDATA\n(.*)"):gmatch "[^\n]+" do
    local field, kind, rest = line:match "^(CKA_[%u%d_]+) ([%u%d_]+) ?(.*)$"
    if bytes and line == "END" then
      object[name], bytes = table.concat(bytes), nil
    elseif bytes then
      for digits in line:gmatch "\\(%d%d%d)" do
        bytes[#bytes + 1] = string.char(tonumber(digits, 8))
      end
    elseif field then
      if field == "CKA_CLASS" then
        object = {}
        out[#out + 1] = object
      end
      object[field] = rest
      name, bytes = field, kind == "MULTILINE_OCTAL" and {} or nil
    end
  end
  return out
end

---@type bq.RecipeFile
return {
  name = "ca-certificates",
  version = "20250419",
  license = "MPL-2.0",
  homepage = "https://tracker.debian.org/pkg/ca-certificates",
  source = {
    {
      debian = "ca-certificates_20250419.tar.xz",
      sha256 = "33b44ef78653ecd3f0f2f13e5bba6be466be2e7da72182f737912b81798ba5d2",
    },
  },
  include = { "mozilla" },
  strategy = "files",
  -- libressl brings a bundle of its own: one is enough.
  yields = { "/etc/ssl/cert.pem" },
  build = function(b)
    local all, trusted, out = objects(b:read(b.src .. "/mozilla/certdata.txt")), {}, {}
    local function id(object)
      return object.CKA_ISSUER .. "\0" .. object.CKA_SERIAL_NUMBER
    end
    for _, object in ipairs(all) do
      if object.CKA_CLASS == "CKO_NSS_TRUST" and object.CKA_TRUST_SERVER_AUTH == "CKT_NSS_TRUSTED_DELEGATOR" then
        trusted[id(object)] = true
      end
    end
    for _, object in ipairs(all) do
      if object.CKA_CLASS == "CKO_CERTIFICATE" and trusted[id(object)] then
        out[#out + 1] = ("# %s\n-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n"):format(
          object.CKA_LABEL:match '^"(.*)"$',
          encode(object.CKA_VALUE)
        )
      end
    end
    b:say(("%d certificates"):format(#out))
    b:write(b.build .. "/cert.pem", table.concat(out))
  end,
  install = function(b)
    b:install(b.build .. "/cert.pem", "/etc/ssl/cert.pem", "0644")
    -- Where programs look that were made for Debian.
    b:symlink("../cert.pem", b.dest .. "/etc/ssl/certs/ca-certificates.crt")
  end,
}
