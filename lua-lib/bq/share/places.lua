-- The places besides the workspace that have outputs, in order: shared stores, other workspaces, caches. A place that fails
-- costs time, never the build: it is left out from there on, and that is said once.
local access = require "bq.share.access"
local blobs = require "bq.share.blobs"
local entry = require "bq.share.entry"
local fail = require "bq.fail"
local folder = require "bq.share.folder"
local fs = require "bq.fs"
local grpc = require "bq.share.grpc"
local http = require "bq.share.http"
local log = require "bq.log"
local signature = require "bq.share.signature"
local store = require "bq.store"
local trees = require "bq.share.trees"
local visible = require "bq.visible"

local places = {}

---@class bq.share.Place
---@field name string for messages
---@field is_written boolean whether what is built goes there
---@field aside? string a folder for what is temporary
---@field trust? bq.share.Trust whose signatures an output has to have
---@field secret? string the key that signs what is written
---@field off? string why it is not used any more
---@field look fun(self, asks: bq.share.Ask[]): table<string, bq.share.Result>, table<string, string>, bq.share.Trouble?
---@field get fun(self, results: bq.share.Result[], into: string): table<string, string>, table<string, string>, bq.share.Trouble?, integer

---@class bq.share.Places
---@field list bq.share.Place[]
---@field workspace bq.Workspace
---@field aside string a folder for what is temporary
---@field found table<string, { place: integer, result: bq.share.Result, ask: bq.share.Ask }> by key
---@field wrong table<string, true> keys of which a place has something that is not taken
---@field refused table<bq.share.Place, string> why a place takes nothing
---@field larger table<bq.share.Place, string> why a place did not take a blob for its size
---@field notes? string a folder for what both agents of a build have to know
---@field counts { fetched: integer, bytes_in: integer, written: integer, bytes_out: integer, wrong: integer, large: integer }
local Places = {}
Places.__index = Places

--- The cache at an address.
---@return bq.share.Http|bq.share.Grpc
local function cache(url, options)
  local scheme, rest = url:match "^(%l+)://(.+)$"
  if rest and rest:match("^[^/]*"):find "@" then
    fail.usage("an address of a cache holds no password", "write `USER:PASSWORD` into a file: `--remote-login FILE`")
  elseif scheme == "http" or scheme == "https" then
    return http.new(url, access.of(options, url))
  elseif grpc.parse(url) then
    return grpc.new(url, access.of(options, url))
  end
  fail.usage(
    ("`--remote %s`: not an address of a cache"):format(visible(url)),
    "`grpc://HOST:PORT[/INSTANCE]`, `grpcs://HOST`, `http://HOST[:PORT]` or `https://HOST`"
  )
end

--- The places that the options name.
---@param options table<string|integer, any> of a program, by the names of `bq.share.options`
---@return bq.share.Place[]
function places.of(options)
  local out = {}
  for _, path in ipairs(options.store or {}) do
    if path == "" then
      fail.usage("`--store` wants a folder", "the store of the workspace is used anyway")
    end
    path = path:sub(1, 1) == "/" and path or fs.cwd() .. "/" .. path
    local above = fs.stat(path) and fs.realpath(path):match "^(.+)/store$"
    if above and fs.stat(above .. "/plan.json") then
      fail.usage(
        ("`--store %s`: it is the store of a workspace, which nobody else writes"):format(visible(path)),
        ("name the workspace, which is read: `--store %s`"):format(visible(above))
      )
    end
    out[#out + 1] = trees.is_workspace(path) and trees.new(path) or blobs.new(folder.new(path), true)
  end
  for _, url in ipairs(options.remote or {}) do
    out[#out + 1] = blobs.new(cache(url, options), options.remote_write == true)
  end
  local trust = options.trust and signature.trust(options.trust)
  local secret = options.sign and signature.secret(options.sign)
  for _, place in ipairs(out) do
    place.trust, place.secret = trust, secret
  end
  return out
end

--- Places for a workspace.
---@param workspace bq.Workspace
---@param list bq.share.Place[]
---@param notes? string a folder for what both agents of a build have to know
---@return bq.share.Places
function places.new(workspace, list, notes)
  local self = setmetatable({ workspace = workspace, list = list, found = {}, wrong = {}, refused = {} }, Places)
  self.notes, self.larger = notes, {}
  self.counts = { fetched = 0, bytes_in = 0, written = 0, bytes_out = 0, wrong = 0, large = 0 }
  self.aside = workspace:at("share", "new")
  fs.mkdir(self.aside)
  for _, place in ipairs(list) do
    place.aside = self.aside
  end
  return self
end

--- The note that a place is left out.
local function note_of(self, place)
  for index, one in ipairs(self.list) do
    if one == place then
      return ("%s/off-%d"):format(self.notes, index)
    end
  end
end

--- Why a place is not used any more: it failed here, or the other agent has found it so. `nil` if it is used.
---@param place bq.share.Place
---@return string?
function Places:is_off(place)
  if not place.off and self.notes and fs.stat(note_of(self, place)) then
    place.off = fs.read(note_of(self, place))
  end
  return place.off
end

--- Notes that a place failed.
local function trouble_with(self, place, trouble)
  if trouble and trouble.kind == "down" and not self:is_off(place) then
    place.off = trouble.text
    if self.notes then
      fs.write(note_of(self, place), trouble.text, { sync = false })
    end
    log.warn(("`%s` is left out from here on: %s"):format(place.name, visible(trouble.text)))
  elseif trouble and trouble.kind == "refused" and not self.refused[place] then
    self.refused[place] = trouble.text
    log.warn(("`%s` takes nothing, so nothing more is written to it: %s"):format(place.name, visible(trouble.text)))
  end
end

--- Counts an output that a place does not take for its size.
local function too_large(self, place, step, trouble)
  self.counts.large = self.counts.large + 1
  if not self.larger[place] then
    self.larger[place] = trouble.text
    log.warn(("%s is too large for `%s`, which goes without it: %s"):format(step, place.name, visible(trouble.text)))
  end
end

--- Says that what a place has is not taken.
local function not_taken(self, place, ask, why)
  self.wrong[ask.key], self.counts.wrong = true, self.counts.wrong + 1
  log.warn(("%s of `%s` is not taken: %s"):format(ask.inputs.step, place.name, visible(why)))
end

--- Looks for the outputs of steps, from a place on.
---@param asks bq.share.Ask[]
---@param first? integer 1 if absent
---@return table<string, string> # names of places by key
function Places:look(asks, first)
  local out, left = {}, asks ---@type table<string, string>, bq.share.Ask[]
  for index = first or 1, #self.list do
    local place = self.list[index]
    if #left > 0 and not self:is_off(place) then
      local results, wrong, trouble = place:look(left)
      trouble_with(self, place, trouble)
      local rest = {}
      for _, ask in ipairs(left) do
        local result = results[ask.key]
        if result then
          self.found[ask.key] = { place = index, result = result, ask = ask }
          out[ask.key] = place.name
        else
          if wrong[ask.key] then
            not_taken(self, place, ask, wrong[ask.key])
          end
          rest[#rest + 1] = ask
        end
      end
      left = rest
    end
  end
  for key in pairs(out) do
    store.note(self.workspace, key, self.found[key].result.text)
  end
  return out
end

--- Brings outputs of one place into the store. What does not come is looked for in the places after it.
local function get_from(self, index, keys, out)
  local place, results = self.list[index], {}
  for number, key in ipairs(keys) do
    results[number] = self.found[key].result
  end
  local aside = fs.mkdtemp(self.aside .. "/get-")
  local folders, wrong, trouble, bytes = {}, {}, nil, 0
  if not self:is_off(place) then
    folders, wrong, trouble, bytes = place:get(results, aside)
  end
  trouble_with(self, place, trouble)
  self.counts.bytes_in = self.counts.bytes_in + bytes
  local again = {} ---@type bq.share.Ask[]
  for _, key in ipairs(keys) do
    local ask = self.found[key].ask
    if folders[key] then
      store.put(self.workspace, key, folders[key])
      store.forget(self.workspace, key)
      out[key], self.counts.fetched = place.name, self.counts.fetched + 1
    else
      if wrong[key] then
        not_taken(self, place, ask, wrong[key])
      end
      self.found[key] = nil
      again[#again + 1] = ask
    end
  end
  fs.remove_all(aside)
  return again
end

--- Brings outputs into the store of the workspace.
---@param asks bq.share.Ask[]
---@return table<string, string> # names of places by key, of those that came
function Places:get(asks)
  local out, unknown = {}, {} ---@type table<string, string>, bq.share.Ask[]
  for _, ask in ipairs(asks) do
    unknown[#unknown + 1] = not self.found[ask.key] and ask or nil
  end
  self:look(unknown)
  for index = 1, #self.list do
    local keys = {}
    for _, ask in ipairs(asks) do
      local found = self.found[ask.key]
      keys[#keys + 1] = not out[ask.key] and found and found.place == index and ask.key or nil
    end
    local again = #keys > 0 and get_from(self, index, keys, out) or {}
    self:look(again, index + 1)
  end
  for _, ask in ipairs(asks) do
    if not out[ask.key] then
      store.forget(self.workspace, ask.key)
    end
  end
  return out
end

--- Writes an output of the store to the places that take some.
---@param key string
---@param again? boolean what places have of it is wrong
---@return string? damage why it was not written
function Places:put(key, again)
  local meta, why = store.get(self.workspace, key)
  why = why or meta and store.glance(self.workspace, meta)
  if not meta or why then
    return why or "it is not in the store"
  end
  local ask, aside, packed = { key = key, inputs = meta.inputs }, nil, nil
  local function pack()
    if not packed then
      aside = fs.mkdtemp(self.aside .. "/put-")
      packed = { entry.pack(self.workspace, meta, aside) }
    end
    return packed[1], packed[2]
  end
  for _, place in ipairs(self.list) do
    if place.is_written and not self:is_off(place) and not self.refused[place] then
      ---@cast place bq.share.Blobs
      if place.is_ready == nil then
        place.is_ready = place.transport:may_write()
        place.is_written = place.is_ready
      end
      local bytes, trouble = nil, nil
      if place.is_ready then
        bytes, trouble = place:put(ask, meta.output, pack, again)
      end
      if trouble and trouble.kind == "large" then
        too_large(self, place, meta.inputs.step, trouble)
      end
      trouble_with(self, place, trouble)
      if bytes then
        self.counts.written, self.counts.bytes_out = self.counts.written + 1, self.counts.bytes_out + bytes
      end
    end
  end
  if aside then
    fs.remove_all(aside)
  end
end

return places
