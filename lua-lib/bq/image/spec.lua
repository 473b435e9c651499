-- What an image is to be: said by the plan of a system, by a file, and by the command line, which counts most.
local disk = require "bq.image.disk"
local fail = require "bq.fail"
local files = require "bq.files"
local nearest = require "bq.nearest"
local oci = require "bq.image.oci"
local tables = require "bq.tables"

local spec = {}

-- The kernel's COMMAND_LINE_SIZE of x86; that of aarch64 is the same.
local MAX_COMMAND_LINE <const> = 2048

local CHECKS <const> = {
  disk = disk.problems,
  container = oci.problems,
  command_line = function(value, at)
    local wrong = type(value) ~= "string" and "is not a text"
      or value:find "[^\32-\126]" and "has a character that is not printable ASCII"
      or #value >= MAX_COMMAND_LINE and ("is longer than %d bytes"):format(MAX_COMMAND_LINE - 1)
    return { wrong and ("`%s` %s"):format(at, wrong) or nil }
  end,
}

--- Everything that is wrong with what is said of an image, a line each: empty if nothing is.
---@param said any
---@return string[]
function spec.problems(said)
  local out = {}
  if type(said) ~= "table" then
    return { "it is not a table" }
  end
  for name, value in tables.sorted(said) do
    local near = nearest(tostring(name), CHECKS)
    if CHECKS[name] then
      tables.append(out, CHECKS[name](value, name))
    else
      out[#out + 1] = ("`%s` is unknown"):format(name) .. (near and ("; did you mean `%s`?"):format(near) or "")
    end
  end
  return out
end

--- A file that returns what is said of an image. It cannot touch the machine.
---@param path string
---@return bq.ImageSpec
local function read(path)
  local text = files.read(path) or fail.usage(("`--spec %s`: there is no such file"):format(path))
  local body, wrong = load(files.chunk(text), "@" .. path, "t", {})
  local ok, said = pcall(body or error, wrong)
  if not ok then
    fail.raise(("cannot read `%s`"):format(path), { cause = tostring(said) })
  end
  return said
end

---@class bq.image.Spec
---@field wish bq.image.Wish
---@field container bq.ContainerConfig
---@field command_line? string

--- Puts together what was said, and checks it. Raises with all mistakes.
---@param plan bq.Plan
---@param options table of the command line: `spec`, `size`, `label`, `root`, `command_line`, `entrypoint`, `env`
---@return bq.image.Spec
function spec.of(plan, options)
  local said = options.spec and read(options.spec) or plan.image or {}
  local problems = spec.problems(said)
  for index, one in ipairs(options.spec and #problems == 0 and said.disk and said.disk.partitions or {}) do
    for _, field in ipairs { "owner", "mode" } do
      local at = ("disk.partitions[%d].%s"):format(index, field)
      problems[#problems + 1] = one[field] and ("`%s` can be said by the page of a system only"):format(at) or nil
    end
  end
  if #problems > 0 then
    fail.raise("the image cannot be as it is described", { notes = problems })
  end
  local layout, container = {}, {}
  for to, from in pairs { [layout] = said.disk or {}, [container] = said.container or {} } do
    for name, value in pairs(from) do
      to[name] = value
    end
  end
  for _, name in ipairs { "size", "label", "root" } do
    layout[name] = options[name] or layout[name]
  end
  if #options.entrypoint > 0 then
    container.entrypoint, container.command = options.entrypoint, nil
  end
  for _, one in ipairs(options.env) do
    local name, value = one:match "^([^=]+)=(.*)$"
    if not name then
      fail.usage(("`--env %s`: it is NAME=VALUE"):format(one))
    end
    local environment = {}
    for key, other in pairs(container.environment or {}) do
      environment[key] = other
    end
    environment[name] = value
    container.environment = environment
  end
  local command_line = options.command_line or said.command_line
  local wrong = command_line and CHECKS.command_line(command_line, "--command-line") or {}
  if #wrong > 0 then
    fail.usage(wrong[1])
  end
  return { wish = disk.wish(layout), container = container, command_line = command_line }
end

return spec
