-- How many commands the running steps may run at once, all together. Each step has one slot of its own; the others are
-- tokens in the jobservers of the steps. Each step has its own jobserver pipe, and only bq counts the tokens. So a step
-- cannot take more than it was given, nor a slot of another step, whatever it does to its pipe.
--
-- A free slot goes first to a step that is ready. A step becomes ready only when another one ends, and the slots of
-- that one are free then. So a step that returns no tokens does not delay other steps.
local process = require "bq.process"

local slots = {}

---@class bq.Share what a running step has
---@field server bq.process.Jobserver
---@field given integer tokens that were written to its pipe and not taken back
---@field fds integer[] descriptors that the step's programs inherit
---@field makeflags string for a make's `MAKEFLAGS`

---@class bq.Slots
---@field total integer
---@field shares bq.Share[] of the running steps
local Slots = {}
Slots.__index = Slots

---@param total integer
---@return bq.Slots
function slots.new(total)
  return setmetatable({ total = total, shares = {} }, Slots)
end

--- The number of free slots.
---@return integer
function Slots:free()
  local free = self.total
  for _, share in ipairs(self.shares) do
    free = free - 1 - share.given
  end
  return free
end

--- The number of slots that commands are using.
---@return integer
function Slots:used()
  local used = 0
  for _, share in ipairs(self.shares) do
    used = used + 1 + math.max(share.given - share.server:available(), 0)
  end
  return math.min(used, self.total)
end

--- Takes back the unused tokens in a share's pipe, except those that it may keep.
local function take_back(share, keep)
  -- If there are more than were given, the step wrote the others itself. They are dropped.
  local invented = share.server:available() - share.given
  if invented > 0 then
    share.server:take(invented)
  end
  local unused = math.min(share.server:available(), share.given)
  if unused > keep then
    share.given = share.given - math.min(share.server:take(unused - keep), share.given)
  end
end

local function give(share, count)
  share.given = share.given + share.server:put(count)
end

--- Whether a step may be started now; unused tokens of others are taken back for it.
---@return boolean
function Slots:may_start()
  for _, share in ipairs(self.shares) do
    if self:free() > 0 then
      return true
    end
    take_back(share, 0)
  end
  return self:free() > 0
end

--- The share of a step that is started.
---@return bq.Share
function Slots:open()
  local server = process.jobserver()
  local share = {
    server = server,
    given = 0,
    fds = server.fds,
    makeflags = ("-j%d --jobserver-auth=%d,%d"):format(self.total, server.fds[1], server.fds[2]),
  }
  self.shares[#self.shares + 1] = share
  return share
end

--- A step ended: its slots are free.
---@param share bq.Share
function Slots:close(share)
  share.server:close()
  for index, one in ipairs(self.shares) do
    if one == share then
      table.remove(self.shares, index)
    end
  end
end

--- Distributes the free slots evenly to the steps that have no unused token. The others keep one unused token.
function Slots:balance()
  local hungry = {}
  for _, share in ipairs(self.shares) do
    if #self.shares > 1 then
      take_back(share, 1)
    end
    if share.server:available() == 0 then
      hungry[#hungry + 1] = share
    end
  end
  -- Those with the fewest first.
  table.sort(hungry, function(a, b)
    return a.given < b.given
  end)
  for index, share in ipairs(hungry) do
    give(share, (self:free() + #hungry - index) // (#hungry - index + 1))
  end
end

--- Whether slots have to be distributed again although no step starts or ends.
---@return boolean
function Slots:is_shared()
  return #self.shares > 1 and self.total > #self.shares
end

return slots
