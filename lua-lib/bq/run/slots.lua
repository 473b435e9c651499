-- How many commands the running steps may run at once, all together. Each step has one slot of its own; the others are
-- tokens in the jobservers of the steps, each of which has a pipe of its own. bq alone counts them: whatever a step does to
-- its pipe, it can take no more than it was given, and no slot of another step.
--
-- A slot that becomes free goes first to a step that is ready. A step becomes ready only when another one ends, and that one's
-- slots are free then: so a step that gives nothing back holds no other one up.
local process = require "bq.process"

local slots = {}

---@class bq.Share what a running step has
---@field server bq.process.Jobserver
---@field given integer tokens that were put into its pipe, and not taken back
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

--- How many slots nobody has.
---@return integer
function Slots:free()
  local free = self.total
  for _, share in ipairs(self.shares) do
    free = free - 1 - share.given
  end
  return free
end

--- Takes tokens back that lie unused in a share's pipe, but for those that it may keep.
local function take_back(share, keep)
  -- More than were given are the step's own invention, and gone.
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

--- A step ended: what it had is free.
---@param share bq.Share
function Slots:close(share)
  share.server:close()
  for index, one in ipairs(self.shares) do
    if one == share then
      table.remove(self.shares, index)
    end
  end
end

--- Shares the free slots out, evenly, to the steps that have no unused token; those that have some keep one.
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

--- Whether slots are to be shared out again while nothing starts or ends.
---@return boolean
function Slots:is_shared()
  return #self.shares > 1 and self.total > #self.shares
end

return slots
