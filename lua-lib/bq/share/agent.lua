-- A process outside of the staged root that asks stores and caches for a build inside, which sees neither them nor the network.
--
-- They talk by files in a folder of the workspace: the build writes `N.ask`, the agent answers with `N.answer`. There are two
-- agents, so that what is looked for does not wait for what is written.
local files = require "bq.files"
local fs = require "bq.fs"
local json = require "bq.json"
local log = require "bq.log"
local places = require "bq.share.places"
local process = require "bq.process"
local report = require "bq.report"
local schema = require "bq.schema"
local workspace = require "bq.workspace"

local agent = {}

-- How long to sleep when there is nothing to do, in seconds: short after a request, since the next one follows, then longer, but
-- about a tenth of the time that nothing came.
local SHORTEST <const>, LONGEST <const>, GROWTH <const> = 0.001, 0.1, 1.1

local ask <const> = schema.record { key = schema.KEY, inputs = schema.any_map() }
---@type bq.schema.Format
local FORMAT <const> = {
  what = "a request to the agent",
  limit = 1 << 28,
  kind = schema.record {
    ["look?"] = schema.list(ask),
    ["get?"] = schema.list(ask),
    ["put?"] = schema.KEY,
    ["again?"] = schema.flag(),
  },
}

--- Does what a request says.
---@param all bq.share.Places
---@param request table
---@return table? answer
local function serve(all, request)
  if request.put then
    all:put(request.put, request.again)
    return nil
  end
  local out = { found = all:look(request.look or {}), got = all:get(request.get or {}), wrong = {} }
  for _, list in ipairs { request.look or {}, request.get or {} } do
    for _, one in ipairs(list) do
      out.wrong[one.key] = all.wrong[one.key]
    end
  end
  return out
end

--- The requests in the folder, the oldest first.
local function waiting(folder)
  local numbers = {}
  for _, name in ipairs(fs.list(folder)) do
    numbers[#numbers + 1] = math.tointeger(tonumber(name:match "^(%d+)%.ask$"))
  end
  table.sort(numbers)
  return numbers
end

--- A count of outputs and their bytes. What folders gave by links and clones of files has no bytes that were moved.
local function moved(count, bytes, where)
  local outputs = report.count(count, "output") .. where
  return bytes > 0 and ("%s, %s"):format(outputs, report.size(bytes)) or outputs
end

--- Says what was done.
local function summary(all, is_writer)
  local counts = all.counts
  if counts.fetched > 0 then
    log.info("fetched " .. moved(counts.fetched, counts.bytes_in, ""))
  end
  if counts.written > 0 then
    log.info("wrote " .. moved(counts.written, counts.bytes_out, " to stores and caches"))
  end
  if counts.wrong > 0 then
    log.warn(("%d outputs of others were not taken, since they are not what they should be"):format(counts.wrong))
  end
  if counts.large > 0 then
    log.warn(("%d outputs were not written, since they are too large for a cache"):format(counts.large))
  end
  for _, place in ipairs(all.list) do
    if not is_writer and all:is_off(place) then
      log.warn(("the build went on without `%s`"):format(place.name))
    end
  end
end

--- Serves the requests in a folder until it says that there are no more.
---@param path string of the workspace
---@param folder string
---@param options string the options that name the places, as JSON
---@return integer status
function agent.main(path, folder, options)
  local lock = fs.lock(folder .. "/lock")
  if not lock then
    return 1
  end
  local space = workspace.new(path)
  local all = places.new(space, places.of(json.decode(options)), files.parent(folder))
  fs.write(folder .. "/ready", "", { sync = false })
  local pause = SHORTEST
  while true do
    local is_last = fs.stat(folder .. "/end") ~= nil
    local numbers = waiting(folder)
    for _, number in ipairs(numbers) do
      local name = ("%s/%d"):format(folder, number)
      local request = schema.read(name .. ".ask", FORMAT)
      local answer = serve(all, request)
      fs.remove(name .. ".ask")
      if answer then
        fs.write(name .. ".answer", json.encode(answer), { sync = false })
      end
    end
    if #numbers > 0 then
      pause = SHORTEST
    elseif is_last then
      break
    else
      process.wait_any { timeout = pause }
      pause = math.min(pause * GROWTH, LONGEST)
    end
  end
  summary(all, files.name(folder) == "put")
  return 0
end

return agent
