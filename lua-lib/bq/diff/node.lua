-- What differs, as a tree: of files, parts of files, and members of archives.
local cause = require "bq.diff.cause"

---@class bq.diff.Line
---@field sign "-"|"+"|" "
---@field text string

---@class bq.diff.Node
---@field name string a path, or a part such as `section .text`
---@field facts string[] how it differs, a line each
---@field lines bq.diff.Line[] of text
---@field cut integer how many lines were left out
---@field causes bq.diff.Cause[] of this node itself
---@field nodes bq.diff.Node[] its parts
---@field open boolean there are differences that no cause is known for
---@field kind? "added"|"gone"|"changed" of a file
---@field ["package"]? string of a file
---@field same? integer of two workspaces: how many steps have the same output
---@field build_id? boolean of a section: the build id differs
---@field is_numbers? boolean of a section: it differs in bytes, not in texts
local Node = {}
Node.__index = Node

local node = {}

-- How many lines of a part are kept.
local MOST_LINES <const> = 40
-- The longest line that is kept, in bytes.
local LONGEST <const> = 300

---@param name string
---@return bq.diff.Node
function node.new(name)
  return setmetatable({ name = name, facts = {}, lines = {}, cut = 0, causes = {}, nodes = {}, open = false }, Node)
end

---@param text string
function Node:fact(text)
  self.facts[#self.facts + 1] = text
end

---@param sign "-"|"+"|" "
---@param text string
function Node:line(sign, text)
  if #self.lines >= MOST_LINES then
    self.cut = self.cut + 1
    return
  end
  self.lines[#self.lines + 1] = { sign = sign, text = #text > LONGEST and text:sub(1, LONGEST) .. "…" or text }
end

---@param more bq.diff.Cause[]
function Node:because(more)
  cause.add(self.causes, more)
end

---@param child? bq.diff.Node
function Node:add(child)
  self.nodes[#self.nodes + 1] = child
end

--- Whether it says anything.
---@return boolean
function Node:is_empty()
  return #self.facts == 0 and #self.lines == 0 and #self.nodes == 0 and #self.causes == 0
end

--- All causes of it and of its parts.
---@return bq.diff.Cause[]
function Node:all_causes()
  local out = {}
  cause.add(out, self.causes)
  for _, one in ipairs(self.nodes) do
    cause.add(out, one:all_causes())
  end
  return out
end

--- Whether a difference in it has no known cause.
---@return boolean
function Node:is_open()
  if self.open then
    return true
  end
  for _, one in ipairs(self.nodes) do
    if one:is_open() then
      return true
    end
  end
  return false
end

return node
