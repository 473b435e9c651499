-- What the report of a build tells: collected from the plan, the store, the lock and the journal.
local explain = require "bq.run.explain"
local fs = require "bq.fs"
local identity = require "bq.source.identity"
local journal = require "bq.journal"
local key = require "bq.plan.key"
local overview = require "bq.run.overview"
local store = require "bq.store"
local tables = require "bq.tables"
local template = require "bq.plan.template"
local visible = require "bq.visible"

local facts = {}

-- Files that are smaller than this part of all outputs are summed.
local SMALL <const> = 0.001
-- How many lines at a log's end, and how many bytes of it, are shown.
local LOG_LINES <const>, LOG_BYTES <const> = 12, 1500

---@class bq.pages.Ran a step of a run
---@field step string
---@field from number seconds since 1970
---@field to number
---@field ok boolean
---@field reason? string

---@class bq.pages.Run a run that built something
---@field time integer when it began
---@field jobs integer
---@field steps bq.pages.Ran[] those that began first come first
---@field before table<string, string> keys of the outputs that earlier runs made last, by step
---@field critical table<string, true> the steps of its longest chain
---@field longest number seconds of that

---@class bq.pages.Facts
---@field build bq.State
---@field found bq.Overview
---@field number table<string, integer> a number of each step, for links
---@field run? bq.pages.Run the last one
---@field most? bq.pages.Run the one that built most steps, if it is another one
---@field files table<string, { path: string, size: integer }[]> large files by step, the largest first
---@field total integer bytes of all outputs

--- The longest chain of a run.
local function add_chain(run, graph)
  local ids, seconds, chain = {}, {}, nil
  for _, one in ipairs(run.steps) do
    ids[one.step], seconds[one.step] = true, one.to - one.from
  end
  chain, run.longest = graph:longest_chain(ids, seconds)
  for _, id in ipairs(chain) do
    run.critical[id] = true
  end
end

--- The runs of the journal that built something, the oldest first.
local function read_runs(space, known, graph)
  local runs, latest, out = {}, {}, {}
  for _, event in ipairs(journal.read(space)) do
    if event.event == "run" then
      runs[#runs + 1] =
        { time = event.time, jobs = event.jobs or 1, steps = {}, reasons = {}, before = {}, critical = {}, longest = 0 }
    end
    local run = runs[#runs]
    if run and event.event == "start" and event.step then
      run.reasons[event.step] = event.reason
    elseif run and event.event == "end" and event.step and known[event.step] and event.seconds then
      run.steps[#run.steps + 1] = {
        step = event.step,
        from = event.time - event.seconds,
        to = event.time,
        ok = event.ok or false,
        reason = run.reasons[event.step],
      }
      run.before[event.step] = latest[event.step]
      latest[event.step] = event.ok and event.key or latest[event.step]
    end
  end
  for _, run in ipairs(runs) do
    if #run.steps > 0 then
      table.sort(run.steps, function(a, b)
        if a.from ~= b.from then
          return a.from < b.from
        end
        return a.step < b.step
      end)
      add_chain(run, graph)
      out[#out + 1] = run
    end
  end
  return out
end

--- Reads the sizes of all outputs, and keeps the large files.
local function read_sizes(self)
  local space, all = self.build.workspace, {}
  for _, row in ipairs(self.found.rows) do
    if row.state == "done" then
      local list = {}
      row.size, row.files = overview.size(space, row.key, function(entry)
        list[#list + 1] = entry
      end)
      all[row.step] = list
      self.total = self.total + row.size
    end
  end
  for step, list in pairs(all) do
    local large = {}
    for _, entry in ipairs(list) do
      if entry.size >= self.total * SMALL then
        large[#large + 1] = { path = entry.path, size = entry.size }
      end
    end
    table.sort(large, function(a, b)
      if a.size ~= b.size then
        return a.size > b.size
      end
      return a.path < b.path
    end)
    self.files[step] = large
  end
end

--- Collects all facts.
---@param build bq.State that has looked into the store
---@return bq.pages.Facts
function facts.of(build)
  local self = { build = build, found = overview.of(build, { seconds = true }), number = {}, files = {}, total = 0 }
  for index, step in ipairs(build.plan.steps) do
    self.number[step.id] = index
  end
  read_sizes(self)
  local runs = read_runs(build.workspace, self.number, self.found.about.graph)
  self.run = runs[#runs]
  for _, run in ipairs(runs) do
    self.most = #run.steps > #(self.most or self.run).steps and run or self.most
  end
  return self
end

--- The fields of a step's key; `nil` as long as they are not known. The environment of the phase is left out.
---@param self bq.pages.Facts
---@param id string
---@return bq.KeyField[]?
function facts.key_fields(self, id)
  local build, step = self.build, self.build.by_id[id]
  local row = self.found.by_step[id]
  if row.state ~= "done" and build:readiness(step) ~= "ready" then
    return nil
  end
  local meta = self.found.about:meta(id)
  local inputs = {}
  for name, value in pairs(meta and meta.inputs or key.inputs(build.context, step)) do
    inputs[name] = name ~= "env" and value or nil
  end
  return explain.fields(inputs)
end

---@class bq.pages.Source
---@field name string
---@field file string
---@field sha256 string
---@field from string[] the places that have these bytes

--- The sources of a step, and where they come from.
---@param self bq.pages.Facts
---@param step table
---@return bq.pages.Source[]
function facts.sources(self, step)
  local out = {}
  for name, alternatives in tables.sorted(step.sources) do
    local used = self.build.context.locked[identity.id(step, name)]
    if used then
      local from = {}
      for _, one in ipairs(alternatives) do
        if one.sha256 == used.sha256 then
          local place = one.url or one.debian and "Debian's archive: " .. one.debian
          from[#from + 1] = place and template.fill(place, { name = step.name, version = step.version })
        end
      end
      out[#out + 1] = { name = name, file = used.file, sha256 = used.sha256, from = from }
    end
  end
  return out
end

--- The end of a step's log.
---@param self bq.pages.Facts
---@param id string
---@return string? text
function facts.log_end(self, id)
  local row = self.found.by_step[id]
  local space = self.build.workspace
  local path = row.state == "done" and store.log(space, row.key) or row.state == "failed" and space:log(id)
  local stat = path and fs.lstat(path)
  if not path or not stat or stat.type ~= "file" then
    return nil
  end
  local file <close> = assert(io.open(path, "rb"))
  file:seek("set", math.max(0, stat.size - LOG_BYTES))
  local lines = {}
  for line in (file:read(LOG_BYTES) or ""):gmatch "[^\n]+" do
    lines[#lines + 1] = line
  end
  return visible(table.concat(lines, "\n", math.max(1, #lines - LOG_LINES + 1)))
end

return facts
