-- Where a file of a known digest may lie on the mirrors that a person named with `--mirror`.
local fs = require "bq.fs"

local mirrors = {}

--- The places to look at, in the order of the mirrors. A folder is looked through for a file of the right name, or one whose
--- name starts with the digest; an address is asked for each of the names.
---@param named string[] folders and addresses
---@param sha256 string the file's digest
---@param names string[] the file's possible names, the likeliest first
---@param offline? boolean ask no address
---@return string[] paths and URLs
function mirrors.places(named, sha256, names, offline)
  local out, is_name = {}, {}
  for _, name in ipairs(names) do
    is_name[name] = true
  end
  for _, mirror in ipairs(named) do
    mirror = mirror:gsub("(.)/+$", "%1")
    if mirror:find "^%a+://" then
      for _, name in ipairs(offline and {} or names) do
        out[#out + 1] = mirror .. "/" .. name
      end
    else
      for _, name in ipairs(fs.list(mirror)) do
        if is_name[name] or name:sub(1, 16) == sha256:sub(1, 16) then
          out[#out + 1] = mirror .. "/" .. name
        end
      end
    end
  end
  return out
end

return mirrors
