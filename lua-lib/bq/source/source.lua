-- Sources: identity is the hash, where the bytes come from is a hint.
local debian_archive = require "bq.source.debian_archive"
local digest = require "bq.digest"
local fetch = require "bq.fetch"
local files = require "bq.files"
local fs = require "bq.fs"
local identity = require "bq.source.identity"
local log = require "bq.log"
local mirrors = require "bq.source.mirrors"
local missing = require "bq.source.missing"
local schema = require "bq.schema"
local template = require "bq.plan.template"

local source = {}

--- Files that were found right, each with its size, time, inode and digest.
---@type bq.schema.Format
local VERIFIED <const> =
  { what = "the list of verified sources", limit = 1 << 26, kind = schema.map(schema.text { max = 200 }, schema.FILE) }

---@class bq.Wanted
---@field id string `name-version:source`, see `identity.id`
---@field ["package"] string its name
---@field label string for people
---@field alternatives table[] the pinned ones, interpolated: `url` or `debian`, `sha256`, `file`
---@field unpinned table[] the others
---@field got? { sha256: string, file: string }
---@field tried string[] what went wrong, a line each

--- All sources that a plan's steps want, each once.
---@param plan table
---@return bq.Wanted[]
function source.wanted(plan)
  local out, seen = {}, {}
  for _, step in ipairs(plan.steps) do
    local names = {}
    for name in pairs(step.sources) do
      names[#names + 1] = name
    end
    table.sort(names)
    for _, name in ipairs(names) do
      local id = identity.id(step, name)
      if not seen[id] then
        seen[id] = true
        local names = {}
        local want = {
          id = id,
          package = step.name,
          label = step.name .. " " .. step.version,
          alternatives = {},
          unpinned = {},
          tried = {},
        }
        for _, one in ipairs(step.sources[name]) do
          local copy = template.fill(one, { name = step.name, version = step.version })
          -- One name for one digest, so that it does not tell which place answered.
          local sha256 = one.sha256 or ""
          names[sha256] = one.sha256 and names[sha256] or files.name(copy.url or copy.debian)
          copy.file = names[sha256]
          table.insert(one.sha256 and want.alternatives or want.unpinned, copy)
        end
        out[#out + 1] = want
      end
    end
  end
  return out
end

--- The name of a source's file in `sources/`: told apart by hash, readable by people.
---@param sha256 string
---@param file string
---@return string
function source.file_name(sha256, file)
  return sha256:sub(1, 16) .. "-" .. file
end

--- The names in `sources/` of what is locked, each once, sorted.
---@param locked? table<string, { sha256: string, file: string }> by id
---@return string[]
function source.file_names(locked)
  local names, seen = {}, {}
  for _, one in pairs(locked or {}) do
    if not seen[one.file] then
      seen[one.file] = true
      names[#names + 1] = one.file
    end
  end
  table.sort(names)
  return names
end

--- Whether a cached file has its digest. It is not read again as long as its size, time and inode are the same.
local function is_right(workspace, seen, name, sha256)
  local path = workspace:at("sources", name)
  local stat = fs.stat(path)
  if not stat then
    return false
  end
  local mark = ("%d %d %d %s"):format(stat.size, stat.mtime, stat.ino, sha256)
  if seen[name] == mark then
    return true
  end
  local actual = digest.file(path)
  if actual ~= sha256 then
    log.warn(("`%s` is damaged (sha256 %s), and is fetched again"):format(path, actual))
    fs.remove(path)
    return false
  end
  seen[name] = mark
  return true
end

--- The files that need not be read again. It only saves time, so one that is not right is as good as none.
local function verified(workspace)
  local ok, seen = pcall(workspace.read, workspace, "sources/verified.json", VERIFIED)
  return ok and seen or {}
end

local function take(want, one)
  want.got = { sha256 = one.sha256, file = source.file_name(one.sha256, one.file) }
end

local function from_cache(workspace, seen, want, locked)
  local first = {}
  for _, one in ipairs(want.alternatives) do
    -- What was used before is used again, so that keys stay.
    table.insert(first, locked and locked.sha256 == one.sha256 and 1 or #first + 1, one)
  end
  for _, one in ipairs(first) do
    if is_right(workspace, seen, source.file_name(one.sha256, one.file), one.sha256) then
      take(want, one)
      return
    end
  end
end

local function fetch_urls(workspace, list, options)
  local batch = {}
  for _, item in ipairs(list) do
    batch[#batch + 1] = {
      urls = item.urls,
      path = workspace:at("sources", source.file_name(item.one.sha256, item.one.file)),
      sha256 = item.one.sha256,
      size = item.one.size,
      name = item.want.label,
    }
  end
  if #batch == 0 then
    return
  end
  local results = fetch.fetch { files = batch, retries = options.retries, jobs = options.jobs }
  for index, result in ipairs(results) do
    local item = list[index]
    if result.ok then
      take(item.want, item.one)
    else
      for _, attempt in ipairs(result.attempts) do
        table.insert(item.want.tried, ("%s: %s"):format(attempt.url, attempt.message))
      end
    end
  end
end

---@class bq.FetchChoices
---@field mirrors string[]
---@field offline? boolean
---@field jobs? integer how many files at once

--- Gets all sources of a plan into the workspace, and says which file each is.
---@param workspace bq.Workspace
---@param plan table
---@param choices bq.FetchChoices
---@return table<string, { sha256: string, file: string }> by id
function source.get(workspace, plan, choices)
  local wanted = source.wanted(plan)
  local before = workspace:locked().sources or {}
  local seen = verified(workspace)
  local pending, rounds = {}, 0
  for _, want in ipairs(wanted) do
    from_cache(workspace, seen, want, before[want.id])
    if not want.got then
      pending[#pending + 1] = want
      rounds = math.max(rounds, #want.alternatives)
    end
  end
  local function still()
    local out = {}
    for _, want in ipairs(pending) do
      if not want.got then
        out[#out + 1] = want
      end
    end
    return out
  end
  --- One round of tries: each file once, however many recipes want it; what came is then there for all of them.
  local function try(round, add, fetch_all)
    local asked = {}
    for _, want in ipairs(still()) do
      local one = want.alternatives[round]
      if one and not asked[one.sha256] then
        asked[one.sha256] = true
        add { want = want, one = one }
      end
    end
    fetch_all()
    for _, want in ipairs(still()) do
      from_cache(workspace, seen, want)
    end
  end
  for round = 1, #choices.mirrors > 0 and rounds or 0 do
    local batch = {}
    try(round, function(item)
      local one = item.one
      local names = { source.file_name(one.sha256, one.file), one.sha256, one.file }
      item.urls = mirrors.places(choices.mirrors, one.sha256, names, choices.offline)
      batch[#batch + 1] = #item.urls > 0 and item or nil
    end, function()
      fetch_urls(workspace, batch, { retries = 2, jobs = choices.jobs })
    end)
  end
  for round = 1, choices.offline and 0 or rounds do
    local batch = {}
    try(round, function(item)
      item.urls = item.one.url and { item.one.url } or debian_archive.urls(item.one)
      batch[#batch + 1] = item
    end, function()
      -- With another place left, an address that does not answer is given up sooner.
      fetch_urls(workspace, batch, { retries = round < rounds and 1 or 5, jobs = choices.jobs })
    end)
  end
  if #still() > 0 then
    missing.refuse(still(), #wanted, choices.offline)
  end
  local locked = {}
  for _, want in ipairs(wanted) do
    is_right(workspace, seen, want.got.file, want.got.sha256)
    locked[want.id] = want.got
  end
  workspace:write_json("sources/verified.json", seen)
  return locked
end

return source
