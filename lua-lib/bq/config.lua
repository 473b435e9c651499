-- The user's configuration: defaults of options, for all programs. It is a page of Lua that only computes, like a recipe.
--
--   return { store = { "/srv/bq" }, remote = { "https://cache.example.org" }, jobs = 8 }
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local nearest = require "bq.nearest"
local schema = require "bq.schema"
local tables = require "bq.tables"

local config = {}

local text <const> = schema.text { max = 4096 }
--- A text, or several.
local function texts(value)
  return (type(value) == "string" and text or schema.list(text))(value)
end

-- What a file can say. What a workspace is asked for (set, seed, packages) stays with the workspace instead.
local KINDS <const> = {
  jobs = schema.whole(1),
  ["log-limit"] = schema.whole(1),
  mirror = texts,
  offline = schema.flag(),
  ["keep-going"] = schema.flag(),
  ["keep-build"] = schema.flag(),
  store = texts,
  remote = texts,
  ["remote-write"] = schema.flag(),
  ["remote-execute"] = schema.flag(),
  ["remote-jobs"] = schema.whole(1),
  ["remote-property"] = texts,
  ["remote-bq"] = text,
  ["remote-patience"] = schema.whole(1),
  ["remote-tree"] = schema.flag(),
  ["remote-only"] = schema.flag(),
  ["remote-ca"] = text,
  ["remote-cert"] = text,
  ["remote-key"] = text,
  ["remote-token"] = text,
  ["remote-login"] = text,
  ["remote-helper"] = text,
  ["remote-header"] = texts,
  trust = text,
  sign = text,
}

-- The longest file, in bytes.
local LIMIT <const> = 1 << 20

--- Where the file is: `BQ_CONFIG`, else `bq/config.lua` in the user's folder of configurations.
---@return string? path `nil` if there can be none
function config.path()
  local named = os.getenv "BQ_CONFIG"
  if named then
    return named ~= "" and named or nil
  end
  local folder, home = os.getenv "XDG_CONFIG_HOME", os.getenv "HOME"
  if folder and folder:sub(1, 1) == "/" then
    return folder .. "/bq/config.lua"
  end
  return home and home ~= "" and home .. "/.config/bq/config.lua" or nil
end

--- The content of a file, checked.
---@param path string
---@return table<string, any> by the names of options
function config.parse(path)
  local hint = "mend the file, or use none by `BQ_CONFIG=`"
  return fail.wrap(("cannot read the configuration `%s`"):format(path), { hint = hint }, function()
    -- Most users have no such file: what reads one is loaded only then.
    local chunk, message = require("bq.plan.sandbox").load(files.chunk(fs.read(path, { limit = LIMIT })), "@" .. path)
    if not chunk then
      fail.raise(message --[[@as string]])
    end
    local ok, made = pcall(chunk)
    if not ok then
      fail.raise(tostring(made))
    elseif type(made) ~= "table" then
      fail.raise 'it returns no table: `return { store = { "/srv/bq" } }`'
    end
    local out = {}
    for name, value in pairs(made) do
      local option = tostring(name):gsub("_", "-")
      local kind = KINDS[option]
      if not kind then
        local near = nearest(option, KINDS)
        fail.raise(("`%s` is no option that can have a default"):format(tostring(name)), {
          hint = near and ("did you mean `%s`?"):format(near)
            or "these can: " .. table.concat(tables.names(KINDS), ", "),
        })
      end
      local wrong, at = kind(value)
      if wrong then
        fail.raise(("`%s%s` %s"):format(tostring(name), at or "", wrong))
      end
      out[option] = value
    end
    return out
  end)
end

--- Whether there is a file. A home that this user cannot enter, as after `setpriv` and the like, has none for them.
local function is_there(path)
  local ok, stat = pcall(fs.stat, path)
  if not ok and (stat.code ~= "EACCES" or os.getenv "BQ_CONFIG") then
    error(stat, 0)
  end
  return ok and stat ~= nil
end

local loaded ---@type table<string, any>?

--- The default that the user has set for an option; `nil` if none.
---@param name string of the option
---@return any
function config.default(name)
  if not loaded then
    -- Inside a staged root the program outside has said all.
    local path = not os.getenv "BQ_ENTERED" and config.path() or nil
    loaded = path and is_there(path) and config.parse(path) or {}
  end
  return loaded[name]
end

return config
