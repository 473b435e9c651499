-- The workspace: the folder with all files of a build.
--
--   plan.json  lock.json  journal.jsonl  .lock
--   sources/   verified source archives          seed/    what the seed was made from
--   rootfs/    the staged chroot                 store/   outputs by key
--   build/     running and failed steps          logs/    of steps that failed
--   finished/  the root that was built           inside.json  the plan by which it builds itself again
--
-- Inside a staged rootfs the same folder is /var/lib/bq.
local args = require "bq.args"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local json = require "bq.json"
local process = require "bq.process"
local schema = require "bq.schema"
local syscall = require "bq.syscall"

local workspace = {}

--- Where the workspace is inside a staged rootfs.
workspace.INSIDE = "/var/lib/bq"
--- The file that marks a staged rootfs, and says from which seed it was staged.
workspace.STAGED = "/usr/local/share/bq/staged.json"
--- Where the library and the programs are inside a staged rootfs.
workspace.SHARE = "/usr/local/share/bq"
--- What staging adds to a root, besides folders. It is no part of the root as a seed. Only the last part has a `*`.
workspace.ADDED = { "var/lib/bq", "usr/local/share/bq", "usr/local/bin/bq", "usr/local/bin/*.lua" }

--- What was fetched for the plan.
---@type bq.schema.Format
workspace.LOCK = {
  what = "the lock",
  limit = 1 << 26,
  hint = "remove it, then plan again: `bq scripts/build_sysroot.lua%s`; the seed and the sources are looked up anew",
  kind = schema.record {
    ["sources?"] = schema.map(schema.record { sha256 = schema.SHA256, file = schema.FILE }),
    ["emulator?"] = schema.record {
      arch = schema.NAME,
      sha256 = schema.SHA256,
      packages = schema.list(schema.record { pool = schema.POOL, sha256 = schema.SHA256, size = schema.whole() }),
    },
    ["seed?"] = schema.record {
      id = schema.text(),
      ["arch?"] = schema.NAME,
      ["digest?"] = schema.SHA256,
      ["sha256?"] = schema.SHA256,
      ["packages?"] = schema.list(schema.record {
        ["pool?"] = schema.POOL,
        ["sha256?"] = schema.SHA256,
        ["size?"] = schema.whole(),
        ["name?"] = schema.text(),
        ["version?"] = schema.text(),
      }),
    },
  },
}
--- What a staged rootfs knows of itself.
---@type bq.schema.Format
local STAGED <const> = {
  what = "what the rootfs was staged from",
  limit = 1 << 20,
  hint = "stage it again: `bq scripts/build_sysroot.lua%s`",
  kind = schema.record {
    seed_id = schema.text(),
    seed_digest = schema.SHA256,
    ["finished?"] = schema.flag(),
    -- The folders that staging made, besides those of `ADDED`.
    ["made?"] = schema.list(schema.text { max = 4096 }),
  },
}

---@class bq.Workspace
---@field path string
---@field inside boolean whether this program runs inside a staged rootfs
local Workspace = {}
Workspace.__index = Workspace

--- The workspace that is meant where none is named.
local function meant(inside)
  local path = os.getenv "BQ_WORKSPACE"
  path = path ~= "" and path or inside and workspace.INSIDE or "data/sysroot"
  return path:sub(1, 1) == "/" and path or fs.cwd() .. "/" .. path
end

--- The workspace of this run.
---@param path? string from the command line; `data/sysroot`, or the fixed place inside a staged rootfs, if absent
---@return bq.Workspace
function workspace.new(path)
  local inside = fs.stat(workspace.STAGED) ~= nil
  if path == "" then
    fail.usage("the path of the workspace is empty", "choose a folder by `--workspace DIR`")
  end
  path = path or meant(inside)
  if path:sub(1, 1) ~= "/" then
    path = fs.cwd() .. "/" .. path
  end
  if not utf8.len(path) then
    -- The path is written into JSON files of the workspace, which have to be UTF-8.
    fail.usage("the path of the workspace is not UTF-8", "choose another folder by `--workspace DIR`")
  end
  return setmetatable({ path = path, inside = inside }, Workspace)
end

--- A path below the workspace.
---@param ... string
---@return string
function Workspace:at(...)
  return table.concat({ self.path, ... }, "/")
end

--- The log of a step that failed.
---@param id string
---@return string
function Workspace:log(id)
  return self:at("logs", (id:gsub("/", "-")) .. ".log")
end

--- The record of a step that failed.
---@param id string
---@return string
function Workspace:failure(id)
  return self:at("logs", (id:gsub("/", "-")) .. ".json")
end

--- A path below the workspace, as the user outside sees it.
---@param path string
---@return string
function Workspace:shown(path)
  local outside = self.inside and os.getenv "BQ_OUTSIDE"
  if outside and path:sub(1, #self.path + 1) == self.path .. "/" then
    return outside .. path:sub(#self.path + 1)
  end
  return path
end

--- The option that selects this workspace on a command line outside; empty for the one that is meant without it.
---@return string ` --workspace PATH`, quoted for a shell, or empty
function Workspace:option()
  local outside = self.inside and os.getenv "BQ_OUTSIDE_OPTION"
  return outside or self.path == meant(self.inside) and "" or " --workspace " .. args.quote(self.path)
end

--- The rootfs that steps are built on: `/` inside, the staged rootfs outside.
---@return string
function Workspace:rootfs()
  return self.inside and "/" or self:at "rootfs"
end

--- What a root was staged from; `nil` if it was not.
---@param root string
---@param option? string of the workspace, for the hint
---@return { seed_id: string, seed_digest: string, finished?: boolean, made?: string[] }?
function workspace.staged(root, option)
  return schema.read((files.inside(root, workspace.STAGED):gsub("^//", "/")), STAGED, option)
end

--- The record of the rootfs's seed; `nil` if there is none.
---@return { seed_id: string, seed_digest: string, finished?: boolean, made?: string[] }?
function Workspace:staged()
  return workspace.staged(self:rootfs(), self:option())
end

--- Whether this program runs in a root that bq built, and not in a seed.
---@return boolean
function Workspace:is_finished()
  return self.inside and self:staged().finished == true
end

--- A file of data below the workspace, checked.
---@param name string
---@param format bq.schema.Format
---@return any? `nil` if there is none
function Workspace:read(name, format)
  return schema.read(self:at(name), format, self:option())
end

--- What was fetched for the workspace: `seed`, `sources` by id, and the `emulator`. Empty if nothing was.
---@return { seed?: table, sources?: table<string, { sha256: string, file: string }>, emulator?: table }
function Workspace:locked()
  local lock = self:read("lock.json", workspace.LOCK)
  -- An empty one may be a list, to which no names can be added.
  return lock and next(lock) ~= nil and lock or {}
end

---@param mode? string `0644` if absent
function Workspace:write_json(name, value, mode)
  fs.write(self:at(name), json.encode(value, { pretty = true }), { mode = files.mode(mode or "0644") })
end

--- Makes the folder, and checks that it can be written to.
function Workspace:create()
  self:require_own()
  fail.wrap(("cannot make the workspace `%s`"):format(self.path), {
    hint = "choose another folder by `--workspace DIR`",
  }, function()
    for _, name in ipairs { "sources", "seed", "store", "build", "logs" } do
      fs.mkdir(self:at(name))
    end
    fs.write(self:at ".writable", "", { sync = false })
    fs.remove(self:at ".writable")
  end)
end

--- Refuses the folder of another user. Its files name the programs that make the plan, and these would run as this
--- user.
function Workspace:require_own()
  local stat = not self.inside and fs.stat(self.path)
  if stat and stat.uid ~= syscall.geteuid() then
    fail.raise(("the workspace `%s` belongs to another user"):format(self.path), {
      cause = ("it is of user %d, and this is user %d"):format(stat.uid, syscall.geteuid()),
      hint = "use a folder of your own by `--workspace DIR`",
    })
  end
end

--- Locks the workspace for this run, unless another run has the lock.
---@return boolean taken
function Workspace:try_lock()
  self:require_own()
  self.lock_fd = fs.lock(self:at ".lock")
  return self.lock_fd ~= nil
end

--- Locks the workspace for this run. The lock is released when the program ends, also if it is killed.
function Workspace:lock()
  self:require_own()
  local fd = fs.lock(self:at ".lock")
  -- Try again for a short time: `status` takes the lock for a moment.
  for _ = 1, 20 do
    if fd then
      break
    end
    process.wait_any { timeout = 0.02 }
    fd = fs.lock(self:at ".lock")
  end
  if not fd then
    local holder = fs.read(self:at ".lock", { limit = 100 }):match "%d+" or "unknown"
    fail.raise(("the workspace `%s` is in use"):format(self.path), {
      cause = ("another bq is working in it (process %s)"):format(holder),
      hint = "wait for it to end, or use another folder by `--workspace DIR`",
    })
  end
  -- The file is not replaced by a rename, since the lock is on this file.
  local file <close> = assert(io.open(self:at ".lock", "w"))
  file:write(os.getenv "BQ_HOLDER" or tostring(syscall.getpid()), "\n")
  self.lock_fd = fd
end

function Workspace:unlock()
  if self.lock_fd then
    fs.unlock(self.lock_fd)
    self.lock_fd = nil
  end
end

--- The plan that was made for this workspace.
---@param any_form? boolean whether one of another version of bq is one, too; it can only be made again
---@return bq.Plan
function Workspace:plan(any_form)
  local form = require "bq.plan.form"
  local plan = self:read("plan.json", any_form and form.ANY_FORMAT or form.FORMAT)
  if not plan then
    fail.raise(("there is no plan in `%s`"):format(self.path), {
      hint = ("make one: `bq scripts/build_sysroot.lua%s`"):format(self:option()),
    })
  end
  return plan
end

return workspace
