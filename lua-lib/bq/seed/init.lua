-- Seeds: finds the rootfs that a build starts from by a word (`debian`) or a path.
local fail = require "bq.fail"
local log = require "bq.log"
local nearest = require "bq.nearest"

---@class bq.Seed
---@field id string what it is, without its content: `debian:trixie`
---@field obtain fun(workspace: bq.Workspace, choices: bq.SeedChoices): table gets what it is made of; returns its lock
---@field unpack fun(workspace: bq.Workspace, lock: table, target: string, choices: bq.SeedChoices): table<string, bq.archive.Attribute> makes the tree; returns the modes that have set-id bits, by path

---@class bq.SeedChoices
---@field lock? table what the workspace has locked
---@field update? boolean make a new lock
---@field mirrors? string[] folders and addresses to look in first
---@field offline? boolean
---@field jobs? integer

---@class bq.SeedKind
---@field make fun(argument: string?, arch: string, workspace: bq.Workspace): bq.Seed
---@field reason_against? fun(arch: string): string? why it cannot be had on this machine

local seed = {}

-- In the order in which `auto` tries them.
local KINDS = { "debian", "alpine" }

local function automatic(arch, workspace)
  local reasons = {}
  for _, name in ipairs(KINDS) do
    local kind = require("bq.seed." .. name)
    local reason = kind.reason_against(arch)
    if not reason then
      local made = kind.make(nil, arch, workspace)
      log.info(("seed: %s%s"):format(made.id, #reasons > 0 and " (" .. table.concat(reasons, "; ") .. ")" or ""))
      return made
    end
    reasons[#reasons + 1] = ("not %s: %s"):format(name, reason)
  end
  fail.raise("no seed can be had on this machine", {
    cause = table.concat(reasons, "; "),
    hint = "give a rootfs tarball that has clang, lld, llvm, cmake and make: `--seed PATH`",
  })
end

--- The seed that a word stands for.
---@param word string `auto`, `alpine`, `debian[:SUITE]`, a path, or an address with `#sha256=…`
---@param arch string
---@param workspace bq.Workspace
---@return bq.Seed
function seed.resolve(word, arch, workspace)
  if word == "auto" then
    return automatic(arch, workspace)
  end
  local name, mark, argument = word:match "^(%l+)([:@]?)(.*)$"
  for _, known in ipairs(KINDS) do
    -- `alpine.tar.gz` is a path.
    if name == known and (mark ~= "" or argument == "") then
      argument = mark == "@" and mark .. argument or argument
      local kind = require("bq.seed." .. name) ---@type bq.SeedKind
      return kind.make(argument, arch, workspace)
    end
  end
  if word:find "[/.]" then
    return require("bq.seed.tarball").make(word, arch)
  end
  local near = nearest(word, { "auto", table.unpack(KINDS) })
  fail.usage(
    ("no seed `%s`"):format(word),
    near and ("did you mean `--seed %s`?"):format(near)
      or "a seed is auto, debian[:SUITE], alpine, a tarball's path, or its address"
  )
end

return seed
