-- The steps of a build that workers of a server build. A process outside of the staged root speaks with the server
-- (`bq.share.executor`); what comes back is as if the step had been built here.
local emulated = require "bq.run.emulated"
local foreign = require "bq.run.foreign"
local fs = require "bq.fs"
local holder = require "bq.share.holder"
local json = require "bq.json"
local log = require "bq.log"
local schema = require "bq.schema"
local syscall = require "bq.syscall"
local visible = require "bq.visible"

local away = {}

---@type bq.schema.Format
local ANSWER <const> = {
  what = "what came of a step on a worker",
  limit = 1 << 24,
  kind = schema.record {
    ok = schema.flag(),
    ["trouble?"] = schema.text(),
    ["is_down?"] = schema.flag(),
    ["hint?"] = schema.text(),
    ["has_tree?"] = schema.flag(),
    ["is_wrong?"] = schema.flag(),
    seconds = schema.number(),
    ["queued?"] = schema.number(),
  },
}

---@class bq.Away
---@field folder string
---@field most integer steps at once
---@field only boolean nothing is built here that a worker can build
---@field brings_tree boolean
---@field foreign table<string, boolean> phases whose programs do not run on this machine
---@field mixed table<string, boolean> phases in whose roots there are programs of this machine
---@field arch? string of the workers of these phases; `nil` if there are none
---@field off table<string, string> why no step is given to workers of an architecture any more
---@field is_emulated boolean what does not run on this machine is emulated
---@field counts { built: integer, queued: number } of the run
---@field package count integer
---@field package open table<integer, table> running steps by the number of the request
---@field package tried table<string, true> ids of steps that came back without a result
---@field package executor bq.share.Holder
local Away = {}
Away.__index = Away

--- The workers of this build; `nil` if there are none.
---@param workspace bq.Workspace
---@param plan table
---@return bq.Away?
function away.new(workspace, plan)
  local most = math.tointeger(tonumber(os.getenv "BQ_SHARE_WORKERS"))
  if not most then
    return nil
  end
  local folder = workspace:at("share", os.getenv "BQ_SHARE" --[[@as string]], "execute")
  return setmetatable({
    folder = folder,
    most = most,
    only = os.getenv "BQ_SHARE_ONLY" ~= nil,
    brings_tree = os.getenv "BQ_SHARE_TREE" ~= nil,
    foreign = foreign.phases(plan),
    mixed = foreign.mixed(plan),
    arch = os.getenv(foreign.WORKERS),
    is_emulated = os.getenv(emulated.VARIABLE) ~= nil,
    off = {},
    counts = { built = 0, queued = 0 },
    count = 0,
    open = {},
    tried = {},
    executor = holder.new(folder),
  }, Away)
end

--- Whether a worker can have a step at all.
---@param step table
---@return boolean
function Away:takes(step)
  local arch = self:arch_of(step)
  return not (self.off[arch] or self.tried[step.id])
    and (not self.foreign[step.phase] or self.arch ~= nil and not step.seed_at and not self.mixed[step.phase])
end

--- The architecture of the workers that a step is for.
---@param step table
---@return string
function Away:arch_of(step)
  return self.foreign[step.phase] and self.arch or syscall.uname().machine
end

--- Why no worker builds a step that cannot be built here.
---@param step table
---@return string
function Away:reason_against(step)
  return step.seed_at and "it needs the compiler of the seed, which is a program of this machine"
    or self.mixed[step.phase] and "it needs a compiler of this machine: make the plan by `--foreign-workers`"
    or ("no worker of %s builds it"):format(self:arch_of(step))
end

--- Whether a step is for a worker, now or when one more can be given away.
---@param step table
---@return boolean
function Away:wants(step)
  local is_only = self.only or self.foreign[step.phase] and not self.is_emulated
  return self:takes(step) and (is_only or self:is_free())
end

--- Whether one more step can be given away now.
---@return boolean
function Away:is_free()
  local count = 0
  for _ in pairs(self.open) do
    count = count + 1
  end
  return count < self.most
end

--- Gives a step away.
---@param one { step: table, folder: string } as the run keeps it
---@param log_limit integer MiB
function Away:start(one, log_limit)
  self.count = self.count + 1
  self.open[self.count] = one
  local ask = {
    folder = one.folder:match "[^/]+$",
    log_limit = log_limit,
    brings_tree = self.brings_tree or nil,
    arch = self.foreign[one.step.phase] and self.arch or nil,
  }
  fs.write(("%s/%d.ask"):format(self.folder, self.count), json.encode(ask), { sync = false })
end

--- The steps that have come back, each with what came of it.
---@return { one: table, answer: bq.share.Returned }[]
function Away:returned()
  local out = {}
  local is_over = self:is_busy() and self.executor:has_ended()
  for number, one in pairs(self.open) do
    local ok, answer = pcall(schema.read, ("%s/%d.answer"):format(self.folder, number), ANSWER)
    if not ok then
      answer = { ok = false, trouble = tostring(answer), seconds = 0 }
    elseif not answer and is_over then
      answer =
        { ok = false, trouble = "the process that speaks with its server has ended", is_down = true, seconds = 0 }
    end
    if answer then
      self.open[number] = nil
      out[#out + 1] = { one = one, answer = answer }
      if answer.trouble then
        self.tried[one.step.id] = true
        self:note(one.step, answer)
      else
        self.counts.built = self.counts.built + (answer.ok and 1 or 0)
        self.counts.queued = self.counts.queued + (answer.queued or 0)
      end
    end
  end
  return out
end

--- Says that a step is not built by a worker, and, once, that no other is any more.
---@param step table
---@param answer bq.share.Returned
function Away:note(step, answer)
  local text = visible(answer.trouble)
  local arch = self:arch_of(step)
  if answer.is_down and not self.off[arch] then
    self.off[arch] = answer.trouble
    local of = self.foreign[step.phase] and " of " .. arch or ""
    log.warn(("no step is given to workers%s from here on: %s: %s"):format(of, step.id, text))
    if answer.hint then
      log.raw("hint: " .. visible(answer.hint))
    end
  elseif not answer.is_down then
    local where = self.foreign[step.phase] and not self.is_emulated and "not built" or "built here"
    log.warn(("%s is %s, since what came from a worker is of no use: %s"):format(step.id, where, text))
  end
end

--- Whether a step is away.
---@return boolean
function Away:is_busy()
  return next(self.open) ~= nil
end

return away
