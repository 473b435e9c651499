-- One step on a worker, in a process of its own outside of the staged root: has all on the server, has the step done, and brings what
-- comes of it into the folder of the step.
local archive = require "bq.archive"
local action = require "bq.share.action"
local digest = require "bq.digest"
local entry = require "bq.share.entry"
local execution = require "bq.share.execution"
local fail = require "bq.fail"
local failure = require "bq.run.failure"
local fs = require "bq.fs"
local jobs = require "bq.run.job"
local json = require "bq.json"
local message = require "bq.share.message"
local process = require "bq.process"
local schema = require "bq.schema"
local worker = require "bq.run.worker"
local workers = require "bq.share.workers"
local workspace = require "bq.workspace"

local remote_step = {}

--- What the coordinator asks for.
---@type bq.schema.Format
remote_step.ASK = {
  what = "a request for a worker",
  limit = 1 << 20,
  kind = schema.record {
    folder = schema.FILE,
    log_limit = schema.whole(1),
    ["brings_tree?"] = schema.flag(),
    ["arch?"] = schema.text(),
  },
}

---@class bq.share.Returned what came of a step
---@field ok boolean
---@field trouble? string why it has to be built elsewhere
---@field is_down? boolean so have all others
---@field hint? string what mends it
---@field has_tree? boolean the build tree of a step that failed has come
---@field is_wrong? boolean the worker could not use an input
---@field seconds number
---@field queued? number seconds in the queue, if the server tells it

-- What a worker has to let actions do.
local IDS <const> = "its workers have to allow user namespaces; those that run actions in bubblewrap do by "
  .. "`--remote-property unixUID=1000 --remote-property unixGID=1000`"
local PROPERTY <const> = "`--remote-property NAME=VALUE` says what a worker has to have, by the words of its engine"
-- From here on an exit status is that of a signal.
local SIGNAL <const> = 128

--- Says in the log of the step what goes on.
local function say(log, what)
  fs.append(log, ("== %s\n"):format(what))
end

--- The files of a result that a run has.
---@return table<string, string> # paths by name
local function fetch(server, found, names, aside)
  local wanted, of = {}, {} ---@type bq.share.Digest[], table<string, string>
  for _, name in ipairs(names) do
    local file = found.files[name] or fail.raise(("the result has no `%s`"):format(name))
    wanted[#wanted + 1] = file.digest
  end
  local paths, trouble = server:fetch(wanted, aside)
  for index, name in ipairs(names) do
    local path = paths[wanted[index].hash] or fail.raise(trouble and trouble.text or ("`%s` is gone"):format(name))
    if digest.file(path) ~= wanted[index].hash then
      fail.raise(("`%s` has another digest than it says"):format(name))
    end
    of[name] = path
  end
  return of
end

--- Takes an output. What is not that of the step raises.
local function take_output(server, job, text, aside, at)
  local ask = { key = job.key, inputs = job.inputs }
  local result = entry.read(text, ask, server.name)
  ---@cast result bq.share.Result
  local got = fetch(server, message.read_result(text), { "log", "meta.json", "output.tar.zst" }, aside)
  result.text = fs.read(got["meta.json"], { nofollow = true, limit = result.record.size })
  result.meta = entry.meta(result.text, ask, server.name)
  fs.remove_all(at.entry)
  entry.unpack(result, { archive = got["output.tar.zst"], log = got.log }, at.entry)
  fs.syncfs(at.entry)
end

--- Takes what a step left that failed.
---@return bq.StepFailure
---@return boolean has_tree
local function take_failure(server, text, aside, at)
  local found = message.read_result(text)
  local got = fetch(server, found, { "failure.json", "log", "tree.tar.zst" }, aside)
  local why, wrong = failure.read(got["failure.json"])
  fs.copy(got.log, at.log, { merge = true })
  local has_tree = found.files["tree.tar.zst"].digest.size ~= #worker.NOTHING
  if has_tree then
    archive.extract {
      path = got["tree.tar.zst"],
      target = at.folder,
      profile = "rootfs",
      attributes = "collect",
      devices = "skip",
      merge = true,
    }
  end
  return why or fail.raise(wrong or "the worker does not say why the step failed"), has_tree
end

--- The lines of an error as one, without what mends it.
local function causes(lines)
  local out = {}
  for _, line in ipairs(lines) do
    out[#out + 1] = line:match "^error: (.*)" or line:match "^caused by: (.*)"
  end
  return table.concat(out, ": ")
end

--- An error as one line.
local function text_of(err)
  return fail.is_expected(err) and causes(fail.lines(err)) or tostring(err)
end

--- Takes the result of an action.
---@return bq.share.Returned
local function take(server, job, text, aside, at)
  local found = message.read_result(text)
  local times, code = found.times, found.exit_code
  local queued = times.queued and times.started and math.max(times.started - times.queued, 0) or nil
  if code == 0 then
    local ok, err = pcall(take_output, server, job, text, aside, at)
    return { ok = ok, trouble = not ok and text_of(err) or nil, queued = queued, seconds = 0 }
  end
  local ok, why, has_tree = pcall(take_failure, server, text, aside, at)
  if ok and code == worker.FAILED then
    fs.write(at.failure, json.encode(why), { sync = false })
    return { ok = false, has_tree = has_tree, queued = queued, seconds = 0 }
  elseif ok and code == worker.UNABLE then
    return { ok = false, is_down = true, trouble = causes(why.lines), hint = IDS, seconds = 0 }
  elseif ok and code == worker.WRONG then
    return { ok = false, is_wrong = true, trouble = causes(why.lines), seconds = 0 }
  end
  -- One that was ended by a signal was too large for its worker; others may not be.
  local trouble = ("its worker ended with status %d and left no result"):format(code)
  return {
    ok = false,
    is_down = code < SIGNAL,
    trouble = trouble,
    hint = code < SIGNAL and PROPERTY or nil,
    seconds = 0,
  }
end

--- Has a step done. It is done anew if something that it needs was dropped meanwhile or is wrong, or if the server has kept the result
--- of a failure, or a result without all that is in it.
---@param uploads bq.share.Uploads
---@param server bq.share.Grpc
---@param job bq.Job
---@param wish bq.share.Wish
---@param heard fun(operation: bq.share.Operation)
---@param take_result fun(text: string): bq.share.Returned
---@return bq.share.Returned
local function execute(uploads, server, job, wish, heard, take_result)
  for attempt = 1, 2 do
    local is_last = attempt == 2
    local outcome = execution.run(server.calls, server.instance, uploads:step(job, wish), is_last, heard)
    if outcome.result then
      local back = take_result(outcome.result)
      if back.ok or is_last or not (outcome.is_cached or back.is_wrong) then
        return back
      end
      uploads.is_anew = back.is_wrong
    elseif is_last or not outcome.lacks_blobs then
      return {
        ok = false,
        is_down = true,
        trouble = outcome.trouble,
        hint = outcome.is_refused and PROPERTY or nil,
        seconds = 0,
      }
    end
  end
end

--- Has the step of a request done.
---@param space bq.Workspace
---@param options table of the program, by the names of `bq.share.options`
---@param ask { folder: string, log_limit: integer, brings_tree?: boolean, arch?: string }
---@param base string the request and the answer are files of this name with an ending
---@param heard fun(operation: bq.share.Operation)
---@return bq.share.Returned
local function run(space, options, ask, base, heard)
  local started = process.clock()
  local at = jobs.paths(space:at("build", ask.folder))
  local job = jobs.read(at.folder) or fail.raise "the step has no job"
  local server, properties = workers.of(options, ask.arch)
  ---@cast server bq.share.Grpc
  -- It goes with the folder of the run, also if this process is killed.
  local aside = base .. ".aside"
  fs.mkdir(aside)
  local executes, trouble = server:executes()
  if not executes then
    local text = trouble and trouble.text or "it says that it has no workers"
    return { ok = false, is_down = true, trouble = text, seconds = 0 }
  end
  say(at.log, "upload")
  local wish = {
    log_limit = ask.log_limit,
    brings_tree = ask.brings_tree,
    program = ask.arch and options.remote_bq or process.executable(),
    properties = properties,
  }
  local stage
  local ok, back = pcall(execute, action.uploads(space, server, aside), server, job, wish, function(operation)
    -- Many servers do not say whether a worker has it.
    local now = operation.stage or "sent"
    if now ~= stage then
      stage = now
      say(at.log, now)
    end
    heard(operation)
  end, function(text)
    say(at.log, "fetch")
    return take(server, job, text, aside, at)
  end)
  fs.remove_all(aside)
  if not ok then
    back = { ok = false, is_down = true, trouble = text_of(back) }
  end
  back.seconds = process.clock() - started
  return back
end

--- The main function of the process.
---@param path string of the workspace
---@param base string the request and the answer are files of this name with an ending
---@param options string the options of the program, as JSON
---@return integer status
function remote_step.main(path, base, options)
  local ask = schema.read(base .. ".ask", remote_step.ASK)
  local space = workspace.new(path)
  local answer = run(space, json.decode(options), ask, base, function(operation)
    local note = { name = operation.name, stage = operation.stage }
    fs.write(base .. ".operation", json.encode(note), { sync = false })
  end)
  fs.write(base .. ".answer", json.encode(answer), { sync = false })
  return 0
end

return remote_step
