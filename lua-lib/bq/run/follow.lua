-- Follows the log of a running step: what it does (the verb) and the last line.
local fs = require "bq.fs"
local visible = require "bq.visible"

local follow = {}

-- How much of a log is read at a time. A step that prints more between two looks loses lines here, not in its log.
local PIECE <const> = 1 << 15
-- In how many of the last bytes the last line is looked for.
local TAIL <const> = 2000

---@class bq.Follow
---@field verb string `unpack` before the first verb of the step
---@field line string the last whole line, without control characters
---@field package path string
---@field package size integer of the log when it was read last
---@field package at integer where its last line began then
local Follow = {}
Follow.__index = Follow

---@param path string
---@return bq.Follow
function follow.new(path)
  return setmetatable({ path = path, size = 0, at = 0, verb = "unpack", line = "" }, Follow)
end

--- Reads what was added.
function Follow:look()
  local stat = fs.stat(self.path)
  if not stat or stat.size == self.size then
    return
  end
  local file <close> = io.open(self.path, "rb")
  if not file then
    return
  end
  local from = math.max(self.at, stat.size - PIECE)
  local is_cut = from > self.at
  file:seek("set", from)
  local text = file:read(stat.size - from) or ""
  self.size = stat.size
  self.at = from + #text - #text:match "[^\n]*$"
  if is_cut then
    text = text:gsub("^[^\n]*\n", "", 1)
  end
  for verb in ("\n" .. text):gmatch "\n== (%l+)%f[\n]" do
    self.verb = verb
  end
  for line in text:sub(-TAIL):gmatch "([^\n]*)\n" do
    self.line = line:find "%S" and visible(line):gsub("\t", " ") or self.line
  end
end

return follow
