-- Follows the log of a running step: what it does (the verb) and the last line.
local fs = require "bq.fs"
local visible = require "bq.visible"

local follow = {}

-- How much of a log is read at a time.
local PIECE <const> = 1 << 18
-- In how many of the last bytes the last line is looked for, and how much of a line that has not ended is kept.
local TAIL <const> = 2000

---@class bq.Follow
---@field verb string `unpack` before the first verb of the step
---@field line string the last whole line, without control characters
---@field package path string
---@field package size integer how much of the log was read
---@field package rest string the begin of its last line, which has not ended
local Follow = {}
Follow.__index = Follow

---@param path string
---@return bq.Follow
function follow.new(path)
  return setmetatable({ path = path, size = 0, rest = "", verb = "unpack", line = "" }, Follow)
end

--- Sees the verb and the last line of some whole lines.
local function see(self, lines)
  local at = 1
  while at do
    self.verb = lines:match("^== (%l+)\n", at) or self.verb
    local before = lines:find("\n== ", at, true)
    at = before and before + 1
  end
  for line in lines:sub(-TAIL):gmatch "([^\n]*)\n" do
    self.line = line:find "%S" and visible(line):gsub("\t", " ") or self.line
  end
end

--- Reads what was added.
function Follow:look()
  local stat = fs.stat(self.path)
  if not stat or stat.size <= self.size then
    return
  end
  local file <close> = io.open(self.path, "rb")
  if not file then
    return
  end
  file:seek("set", self.size)
  for piece in file:lines(PIECE) do
    self.size = self.size + #piece
    local text = self.rest .. piece
    local rest = (text:match "^.*\n()" or 1) --[[@as integer]]
    if rest > 1 then
      see(self, text:sub(1, rest - 1))
    end
    self.rest = text:sub(rest, rest + TAIL - 1)
  end
end

return follow
