-- The library that carries out every step; with a strategy, it is what a recipe's data mean. What keeps a step apart from
-- the machine (`bq.run.namespace`, `bq.run.step_root`) is not of it: who changes what a step sees raises `FORM` in `bq.plan.key`.
local digest = require "bq.digest"
local files = require "bq.files"
local tokens = require "bq.plan.tokens"

local library = {}

local LIBRARY = {
  "bq.capability",
  "bq.elf",
  "bq.hex",
  "bq.paths",
  "bq.plan.sandbox",
  "bq.plan.template",
  "bq.run.attributes",
  "bq.run.launch",
  "bq.run.normalise",
  "bq.run.noted",
  "bq.run.patches",
  "bq.run.step",
  "bq.run.step_files",
  "bq.run.strip",
  "bq.tables",
}

-- Digests by text: a program that makes many plans reads each text once.
local known = {}

--- The digest of the files of the library that carry out every step, comments included. It is had faster than that of what they
--- say: a plan remembers it, so that a run which finds it again need not read all tokens.
---@param modules? string[] folders of the library; those of this run if absent
---@return string
function library.text_digest(modules)
  local texts = {}
  for index, name in ipairs(LIBRARY) do
    texts[index] = digest.sha256((files.module(name, modules)))
  end
  return digest.sha256(table.concat(texts, "\n"))
end

--- The digest of what the library says that carries out every step.
---@param modules? string[] folders of the library; those of this run if absent
---@return string
function library.digest(modules)
  local parts = {}
  for index, name in ipairs(LIBRARY) do
    local text = files.module(name, modules)
    known[text] = known[text] or tokens.digest(text)
    parts[index] = name .. "=" .. known[text]
  end
  return digest.sha256(table.concat(parts, "\n"))
end

return library
