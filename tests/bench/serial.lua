-- A plain shell script that does what a build did, one step after the other: the same commands in the same roots, and
-- nothing of keys, store or coordinator.
local enter = require "bq.run.enter"
local fail = require "bq.fail"
local fs = require "bq.fs"
local journal = require "bq.journal"
local json = require "bq.json"
local namespace = require "bq.run.namespace"
local process = require "bq.process"
local recorder = require "recorder"
local workspace = require "bq.workspace"

local serial = {}

local quote = recorder.quote

-- `step NAME` in a folder of its own: what is there when its commands begin, and what goes when they are done.
local HEAD <const> = [[
#!/bin/sh
# usage: unshare --user --map-root-user --mount --pid --fork sh SCRIPT FOLDER
set -e
work=$1
PATH=$PATH:/usr/sbin:/sbin
chroot=$(command -v chroot)
mount --make-rprivate /

begin() {
  mkdir -p "$work/$1" "$work/out/$1"
  cd "$work/$1"
  root=$work/$1/root
  mkdir upper work root src build home none
}

# A step and its layers, the topmost first: outputs of earlier steps, or the rootfs.
layers() {
  output=$work/out/$1
  shift
  lower=
  number=0
  for layer; do
    number=$((number + 1))
    ln -s "$layer" l$number
    lower=${lower}l$number:
  done
  mount -t overlay -o "userxattr,lowerdir=${lower}none,upperdir=upper,workdir=work" overlay root
  mkdir -p root/proc root/dev root/tmp root/bq/src root/bq/build root/bq/dest root/bq/home
  mount --bind src root/bq/src
  mount --bind build root/bq/build
  mount --bind "$output" root/bq/dest
  mount --bind home root/bq/home
  mount -t proc proc root/proc
  mount --rbind /dev root/dev
  mount -t tmpfs tmpfs root/tmp
}

end() {
  cd "$work"
  umount -l "$root"
  rm -rf "$work/$1"
}
]]

--- Where a folder of the workspace is that has another name inside.
local function outside(space, path)
  local rest = path:match("^" .. workspace.INSIDE .. "(/.*)$")
  return rest and space.path .. rest or path
end

local function unpacking(space, job)
  local lines, names = {}, {}
  for name in pairs(job.sources) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local source, strip = job.sources[name], job.sources[name].strip or 1
    local target = name == "main" and "src" or "build/" .. name
    local words = {
      "tar",
      "-xf",
      quote(outside(space, source.path)),
      "--no-same-owner",
      ("--strip-components=%d"):format(strip),
      "-C",
      quote(target),
    }
    local include = name == "main" and job.step.fields.include
    if include then
      table.move({ "--wildcards", "--no-wildcards-match-slash" }, 1, 2, #words + 1, words)
      for _, pattern in ipairs(include) do
        words[#words + 1] = quote(("*/"):rep(strip) .. pattern)
      end
    end
    lines[#lines + 1] = ("mkdir -p %s && %s"):format(quote(target), table.concat(words, " "))
    -- One time for all files, or some makefiles want to make their configure anew.
    lines[#lines + 1] = ("find %s -exec touch -h -d @%d {} +"):format(quote(target), job.epoch)
  end
  return lines
end

--- The lines of one step.
---@param space bq.Workspace
---@param job table as the coordinator wrote it
---@param folder string of the step's record
---@param outputs table<string, string> names of earlier steps by their keys; what is not among them is in the store
---@return string[]
function serial.step(space, job, folder, outputs)
  local name = job.step.id:gsub("/", "-")
  local lines = { ("\n# %s"):format(job.step.id), "begin " .. quote(name) }
  for _, line in ipairs(unpacking(space, job)) do
    lines[#lines + 1] = line
  end
  local layers = {}
  for index, lower in ipairs(job.lowers) do
    local key = lower:match "/store/(%x+)/output$"
    if key and outputs[key] then
      layers[index] = ('"$work"/out/%s'):format(quote(outputs[key]))
    else
      layers[index] = quote(key and outside(space, lower) or space:rootfs())
    end
  end
  lines[#lines + 1] = ("layers %s %s"):format(quote(name), table.concat(layers, " "))
  if job.seed_at then
    lines[#lines + 1] = ('mkdir -p "$root"%s && mount --bind %s "$root"%s'):format(
      quote(job.seed_at),
      quote(space:rootfs()),
      quote(job.seed_at)
    )
  end
  lines[#lines + 1] = "record=" .. quote(folder)
  lines[#lines + 1] = (fs.read(folder .. "/step.sh"):gsub("\n$", ""))
  lines[#lines + 1] = "end " .. quote(name)
  return lines
end

--- The script of a workspace where all was recorded.
---@param space bq.Workspace
---@param trees string where its `build/` is by now
---@return string
function serial.script(space, trees)
  local lines, outputs = { HEAD }, {}
  for _, event in ipairs(journal.read(space)) do
    if event.event == "end" and event.ok then
      local folder = trees .. "/" .. event.step:gsub("/", "-")
      local job = json.decode(fs.read(folder .. "/job.json"))
      for _, line in ipairs(serial.step(space, job, folder .. "/home/" .. recorder.FOLDER, outputs)) do
        lines[#lines + 1] = line
      end
      outputs[event.key] = event.step:gsub("/", "-")
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

-- Runs inside the staged rootfs: `...` is how many jobs, and the observer's text.
local INSIDE <const> = [[
local coordinator, fail = require "bq.run.coordinator", require "bq.fail"
local display, state, workspace = require "bq.run.display", require "bq.run.state", require "bq.workspace"
local jobs, observer = ...
local space = workspace.new()
local run = coordinator.new {
  state = state.new(space, space:plan()),
  display = display.new(),
  jobs = math.tointeger(jobs),
  keep_build = true,
  observer = observer,
}
if not run:run() then
  fail.exit(1)
end
]]

--- Builds the plan of a workspace, with all that its steps do written down in their folders.
---@param space bq.Workspace
---@param jobs integer
function serial.record(space, jobs)
  local observer = fs.read(recorder.PATH) -- before the machine is out of sight
  local status = namespace.run(enter.sandbox(space, {
    body = function()
      process.exec {
        argv = { "/usr/local/bin/bq", "-q", "-e", INSIDE, tostring(jobs), observer },
        env = enter.environment(space),
        cwd = "/",
        stdin = "null",
      }
    end,
  }))
  if not status.ok then
    fail.raise "what is to be recorded cannot be built"
  end
end

return serial
