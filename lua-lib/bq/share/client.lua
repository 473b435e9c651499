-- The side of the build: what it asks the agents for (`bq.share.agent`), and what they answer.
local fs = require "bq.fs"
local holder = require "bq.share.holder"
local json = require "bq.json"
local schema = require "bq.schema"

local client = {}

local names <const> = schema.map(schema.text())
---@type bq.schema.Format
local FORMAT <const> = {
  what = "an answer of the agent",
  limit = 1 << 26,
  kind = schema.record { found = names, got = names, wrong = schema.map(schema.flag()) },
}

---@class bq.share.Answer
---@field request table what was asked for
---@field found table<string, string> by key, where an output is
---@field got table<string, string> by key, where an output in the store now came from
---@field wrong table<string, true> keys of which somebody has something that was not taken

---@class bq.share.Client
---@field folder string
---@field writes boolean whether some place takes what is built
---@field count integer
---@field open table<integer, table> requests by number
---@field package agent bq.share.Holder
local Client = {}
Client.__index = Client

--- The client of this build; `nil` if there is no store or cache to ask.
---@param workspace bq.Workspace
---@return bq.share.Client?
function client.new(workspace)
  local name = os.getenv "BQ_SHARE"
  return name
    and setmetatable({
      folder = workspace:at("share", name),
      writes = os.getenv "BQ_SHARE_WRITES" ~= nil,
      count = 0,
      open = {},
      agent = holder.new(workspace:at("share", name, "get")),
    }, Client)
end

local function write(self, role, request)
  self.count = self.count + 1
  fs.write(("%s/%s/%d.ask"):format(self.folder, role, self.count), json.encode(request), { sync = false })
end

--- Asks for outputs.
---@param request { look?: bq.share.Ask[], get?: bq.share.Ask[] }
function Client:ask(request)
  write(self, "get", request)
  self.open[self.count] = request
end

--- Has an output written to the places that take some.
---@param key string
---@param again? boolean what places have of it is wrong
function Client:put(key, again)
  if self.writes then
    write(self, "put", { put = key, again = again })
  end
end

--- Whether an answer is waited for.
---@return boolean
function Client:is_waiting()
  return next(self.open) ~= nil
end

--- The answers that have come.
---@return bq.share.Answer[]
---@return boolean ended the agent has ended, and what is not answered never will be
function Client:answers()
  local out = {}
  local ended = self:is_waiting() and self.agent:has_ended()
  for number, request in pairs(self.open) do
    local path = ("%s/get/%d.answer"):format(self.folder, number)
    local answer = schema.read(path, FORMAT)
    if answer or ended then
      answer = answer or { found = {}, got = {}, wrong = {} }
      answer.request = request
      self.open[number] = nil
      fs.remove(path)
      out[#out + 1] = answer
    end
  end
  return out, ended
end

return client
