-- What a source of a step is: its name in the lock, its bytes, and how they are unpacked. Where the bytes come from is no part of it.
local files = require "bq.files"
local json = require "bq.json"
local template = require "bq.plan.template"

local identity = {}

--- The id under which the lock knows a source of a step: phases share it, but for one that has sources of its own.
---@param step table
---@param name string of the source
---@return string
function identity.id(step, name)
  return ("%s-%s%s:%s"):format(step.name, step.version, step.own_sources and "@" .. step.phase or "", name)
end

--- How a source is unpacked: what the places of its digest say, the first that says it.
---@param step table
---@param name string of the source
---@param locked { sha256: string, file: string }
---@return { name: string, strip?: integer, exclude?: string[], unpack?: false }
function identity.unpacking(step, name, locked)
  local out = {}
  for _, one in ipairs(step.sources[name]) do
    if one.sha256 == locked.sha256 then
      local place = template.fill(one, { name = step.name, version = step.version })
      out.name = out.name or files.name(place.url or place.debian)
      for _, field in ipairs { "strip", "exclude", "unpack" } do
        if out[field] == nil then
          out[field] = one[field]
        end
      end
    end
  end
  out.name = out.name or locked.file
  if out.unpack ~= false then
    out.unpack = nil
  end
  return out
end

--- What a source is, for the key: its bytes, and how they are unpacked.
---@param step table
---@param name string of the source
---@param locked { sha256: string, file: string }
---@return string
function identity.of(step, name, locked)
  local how = identity.unpacking(step, name, locked)
  return locked.sha256
    .. (how.strip or "")
    .. (how.exclude and " without " .. json.encode(how.exclude) or "")
    .. (how.unpack == false and " as " .. how.name or "")
end

return identity
