-- What a build takes from stores and caches, and gives to them. A step whose output is known to be elsewhere counts as done;
-- the output comes here only if a step is built on it, or if the build is for it.
local client = require "bq.share.client"
local key = require "bq.plan.key"
local log = require "bq.log"
local siblings = require "bq.run.siblings"
local store = require "bq.store"

local elsewhere = {}

---@class bq.Elsewhere
---@field state bq.State
---@field display bq.Display
---@field client? bq.share.Client `nil` if there is no store or cache to ask
---@field look bq.share.Ask[] to be asked for next
---@field get table<string, bq.share.Ask> to be fetched next, by step id
---@field asked table<string, true> keys of outputs that are looked for
---@field held table<string, true> ids of steps that wait for what they are built on
---@field places table<string, string> by key, where an output is
---@field coming table<string, string> keys of outputs that are being fetched, by step id
---@field none table<string, true> keys that are nowhere else
---@field wrong table<string, true> keys of which somebody has something that is not taken
local Elsewhere = {}
Elsewhere.__index = Elsewhere

--- The steps whose outputs a build is for: those of the phases that a root is made of, and of those that no other is built on.
---@param made table the plan
---@return string[] ids
function elsewhere.wanted(made)
  local bases, phases, out = {}, {}, {}
  for _, list in ipairs { made.finish, made.root and made.root.phases or {} } do
    for _, name in ipairs(list) do
      phases[name] = true
    end
  end
  -- A phase that nothing is built of is built on nothing.
  for _, step in ipairs(made.steps) do
    for _, base in ipairs(made.phases[step.phase].base) do
      bases[base] = true
    end
  end
  for _, step in ipairs(made.steps) do
    out[#out + 1] = (phases[step.phase] or not bases[step.phase]) and step.id or nil
  end
  return out
end

--- Whether all that a build is for is here.
---@param state bq.State
---@return boolean
function elsewhere.is_complete(state)
  for _, id in ipairs(elsewhere.wanted(state.plan)) do
    if state.absent[id] then
      return false
    end
  end
  return true
end

---@param state bq.State
---@param display bq.Display
---@return bq.Elsewhere
function elsewhere.new(state, display)
  return setmetatable({
    state = state,
    display = display,
    client = client.new(state.workspace),
    look = {},
    get = {},
    asked = {},
    held = {},
    places = {},
    coming = {},
    none = {},
    wrong = {},
  }, Elsewhere)
end

--- Whether a step waits for an answer.
---@param step table
---@return boolean
function Elsewhere:holds(step)
  return self.asked[self.state.keys[step.id]] or self.held[step.id] or false
end

--- Asks for the output of a step that can be built.
---@param step table
---@return boolean waits `false` if it is known that nobody has it
function Elsewhere:ask(step)
  local name = self.state.keys[step.id]
  if not self.client or self.none[name] then
    return false
  end
  self.look[#self.look + 1] = { key = name, inputs = key.inputs(self.state.context, step) }
  self.asked[name] = true
  return true
end

--- Fetches outputs that are elsewhere.
---@param ids string[] of steps; those that are here are left out
---@return boolean waits
function Elsewhere:fetch(ids)
  local waits = false
  for _, id in ipairs(ids) do
    local name = self.state.absent[id]
    if name and not self.client then
      self:lost(id)
      waits = true
    elseif name then
      waits = true
      if self.coming[id] ~= name then
        self.coming[id] = name
        self.get[id] = { key = name, inputs = key.inputs(self.state.context, self.state.by_id[id]) }
      end
    end
  end
  return waits
end

--- Fetches what a step is built on, and what its output is compared with.
---@param step table
---@return boolean waits
function Elsewhere:fetch_below(step)
  local ids = self.state:layers(step)
  for _, sibling in ipairs(siblings.done(self.state, step)) do
    ids[#ids + 1] = sibling.id
  end
  local waits = self:fetch(ids)
  self.held[step.id] = waits and self.client ~= nil or nil
  return waits
end

--- An output that was known to be elsewhere cannot be had. The step is built, and what is built on it is looked for again.
---@param id string
function Elsewhere:lost(id)
  local name = self.state.absent[id]
  store.forget(self.state.workspace, name)
  self.none[name], self.coming[id] = true, nil
  self.display:lost(id)
  self.state:forget { id }
end

--- Sends what was asked for since the last call.
function Elsewhere:send()
  local get = {}
  for _, ask in pairs(self.get) do
    get[#get + 1] = ask
  end
  if #self.look + #get > 0 then
    self.client:ask { look = self.look, get = get }
    self.look, self.get = {}, {}
  end
end

--- Takes the answers that have come.
---@return boolean any
function Elsewhere:poll()
  if not self.client then
    return false
  end
  local answers, ended = self.client:answers()
  for _, answer in ipairs(answers) do
    for _, ask in ipairs(answer.request.look) do
      self.places[ask.key] = answer.found[ask.key]
      self.none[ask.key] = not answer.found[ask.key] or nil
      self.asked[ask.key] = nil
    end
    for name in pairs(answer.wrong) do
      self.wrong[name] = true
    end
    for id, name in pairs(self.coming) do
      for _, ask in ipairs(answer.request.get) do
        if ask.key == name and answer.got[name] then
          self.coming[id], self.state.absent[id] = nil, nil
          self.display:fetched(id, answer.got[name])
        elseif ask.key == name and self.state.absent[id] then
          self:lost(id)
        end
      end
    end
    self.held = {}
  end
  if ended then
    log.warn "the process that asks stores and caches has ended: the build goes on without it"
    self.client = nil
  end
  return #answers > 0
end

--- Whether an answer is waited for.
---@return boolean
function Elsewhere:is_busy()
  return self.client ~= nil and self.client:is_waiting()
end

--- A step was built: its output is written to the places that take some.
---@param step table
function Elsewhere:built(step)
  local name = self.state.keys[step.id]
  if self.client then
    self.client:put(name, self.wrong[name])
  end
end

--- Fetches what the build is for, once all of it is known.
---@return boolean waits
function Elsewhere:fetch_wanted()
  return self:fetch(elsewhere.wanted(self.state.plan))
end

return elsewhere
