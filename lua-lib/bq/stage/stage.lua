-- Staging: makes the rootfs of the workspace from the seed, bq and its library, and packs it if wanted.
local archive = require "bq.archive"
local beside = require "bq.plan.beside"
local digest = require "bq.digest"
local events = require "bq.events"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local host = require "bq.host"
local json = require "bq.json"
local log = require "bq.log"
local process = require "bq.process"
local progress = require "bq.progress"
local report = require "bq.report"
local syscall = require "bq.syscall"
local workspace = require "bq.workspace"

local stage = {}

local SHARE = workspace.SHARE:sub(2)
local BINARY = "usr/local/bin/bq"
-- Folders that a shell or a coordinator inside needs. Some are mount points.
local PLACES = { "dev", "proc", "sys", "tmp", "run", "root", "var/lib/bq", "usr/local/bin", SHARE }
-- The folders of the library and the programs that are copied into a rootfs.
local CARRIED = { "lua-lib", "scripts" }

--- Drops the patches and files of recipes that are replaced by a folder with higher priority.
---@param out table<string, string> path and text; changed
---@param folder string
local function drop_beside(out, folder)
  local names, first = {}, {}
  for path in pairs(out) do
    local name = path:match "^scripts/packages/([^/]+)%.lua$"
    names[#names + 1] = name
  end
  for _, entry in ipairs(fs.stat(folder) and fs.list(folder) or {}) do
    local name = entry:match "^(.+)%.lua$"
    if name then
      first[name] = true
      names[#names + 1] = name
    end
  end
  for path in pairs(out) do
    local patches = path:match "^scripts/packages/patches/([^/]+)/"
    if first[patches and (beside.owner(patches, names) or "") or path:match "^scripts/packages/([^/]+)/"] then
      out[path] = nil
    end
  end
end

--- The files of the library and the programs, from the disk or the binary: text by path below `share/bq`.
---@param one bq.Command whose recipes go along, the first winning, and whose script makes the plan again inside
local function carried(one)
  local out = {}
  for _, name in ipairs(host.bundle()) do
    out[name:sub(3)] = host.bundled(name)
  end
  local function overlay(folder, prefix)
    local stat = fs.stat(folder)
    if stat and stat.type == "dir" then
      for _, entry in ipairs(fs.walk(folder)) do
        if entry.type == "file" then
          out[prefix .. "/" .. entry.path] = fs.read(folder .. "/" .. entry.path)
        end
      end
    end
  end
  for index = #one.programs, 1, -1 do
    overlay(one.programs[index], "scripts")
  end
  for index = #one.modules, 1, -1 do
    -- From a folder that the user named, or that contains the script, only the library's files are taken.
    local folder = one.modules[index]
    overlay(folder .. "/bq", "lua-lib/bq")
    if fs.stat(folder .. "/bq/main.lua") then
      overlay(folder, "lua-lib")
    end
  end
  for index = #one.recipes, 1, -1 do
    local folder = one.recipes[index]
    if folder:sub(1, 1) ~= "$" then
      drop_beside(out, folder)
      overlay(folder, "scripts/packages")
    end
  end
  out["scripts/build_sysroot.lua"] = one.text or out["scripts/build_sysroot.lua"]
  return out
end

--- Where a file of a root is, and whether it is one of this size. Links of folders are followed inside the root.
local function look(root, name, size)
  local folder = files.inside(root, files.parent(name))
  local path = folder .. "/" .. files.name(name)
  local stat = fs.lstat(path)
  return path, folder, stat ~= nil and stat.type == "file" and stat.size == size
end

--- Writes a file of a root. Returns whether the content was different.
local function write_if_changed(root, name, text)
  local path, folder, is_similar = look(root, name, #text)
  if is_similar and fs.read(path) == text then
    return false
  end
  fs.mkdir(folder)
  fs.write(path, text, { sync = false })
  return true
end

--- Copies a program into a root, if it is not there. It may be large, so nothing holds it whole in memory. Returns whether it
--- was not there.
local function install_program(root, name, from)
  local path, folder, is_similar = look(root, name, fs.stat(from).size)
  if is_similar and digest.file(path) == digest.file(from) then
    return false
  end
  local copy = path .. ".new"
  fs.mkdir(folder)
  fs.remove_all(copy)
  fs.copy(fs.realpath(from), copy)
  fs.chmod(copy, files.mode "0755")
  fs.rename(copy, path)
  return true
end

--- Copies bq, its library and the programs into a rootfs. Files that are no longer part of them are removed.
---@param root string
---@param one bq.Command where the library, the programs, the recipes and the script are
---@param program? string the file of bq; this program if absent
function stage.install(root, one, program)
  -- Modes of what is staged must not depend on the caller.
  syscall.umask(files.mode "022")
  local all = carried(one)
  for _, folder in ipairs(CARRIED) do
    local base = files.inside(root, SHARE .. "/" .. folder)
    for _, entry in ipairs(fs.stat(base) and fs.walk(base) or {}) do
      if entry.type == "file" and not all[folder .. "/" .. entry.path] then
        fs.remove(base .. "/" .. entry.path)
      end
    end
  end
  local is_changed = install_program(root, BINARY, program or process.executable())
  for path, text in pairs(all) do
    is_changed = write_if_changed(root, SHARE .. "/" .. path, text) or is_changed
    local program = path:match "^scripts/([^/]+%.lua)$"
    local link = program and ("%s/%s"):format(files.inside(root, "usr/local/bin"), program)
    if link and not fs.lstat(link) then
      fs.symlink(("../share/bq/scripts/%s"):format(program), link)
    end
  end
  if is_changed then
    fs.syncfs(root)
  end
end

--- Makes the folders of a root that bq and its mounts need.
---@param root string
---@return string[] made those that were not there, without a leading `/`
function stage.places(root)
  local made = json.array {}
  for _, place in ipairs(PLACES) do
    local path = root
    for part in files.inside(root, place):sub(#root + 1):gmatch "[^/]+" do
      path = path .. "/" .. part
      if not fs.lstat(path) then
        fs.mkdir(path)
        made[#made + 1] = path:sub(#root + 2)
      end
    end
  end
  return made
end

--- Writes the file that says from which seed a root was staged.
---@param root string
---@param staged { seed_id: string, seed_digest: string, finished?: boolean, made: string[] }
function stage.mark(root, staged)
  write_if_changed(root, workspace.STAGED:sub(2), json.encode(staged, { pretty = true }))
end

--- Unpacks a seed into a folder, and makes the folders that bq and its mounts need.
local function unpack(space, seed, lock, target, choices)
  local bar <close> = progress.bar { label = "seed " .. seed.id }
  bar:message "unpacking"
  local modes = seed.unpack(space, lock, target, choices)
  local before = lock.digest
  bar:message "reading it for its digest"
  -- The digest is that of the tree as the seed has it, with the set-id bits that its files do not get here.
  lock.digest = digest.tree(target, { attributes = modes })
  if before and before ~= lock.digest and lock.origin == "shipped" then
    fail.raise(("the seed `%s` is another tree than its lock says"):format(seed.id), {
      cause = ("tree digest %s, expected %s"):format(lock.digest, before),
      hint = "its packages are the right ones, so bq unpacks them differently: this is a bug of bq",
    })
  elseif before and before ~= lock.digest then
    log.warn(("the seed %s is another tree than before: all that depends on it is built again"):format(seed.id))
  end
  stage.mark(target, { seed_id = lock.id, seed_digest = lock.digest, made = stage.places(target) })
end

--- Makes the rootfs of the workspace from a seed, unless it exists already.
---@param space bq.Workspace
---@param seed bq.Seed
---@param lock table of the seed; gets its tree's digest
---@param choices bq.SeedChoices
---@param one bq.Command
function stage.rootfs(space, seed, lock, choices, one)
  local root = space:at "rootfs"
  local staged = space:staged()
  local is_same = staged and staged.made and staged.seed_id == lock.id
  if not (is_same and lock.digest and staged.seed_digest == lock.digest) then
    local partial = space:at "rootfs.partial"
    fs.remove_all(partial)
    fs.mkdir(partial)
    log.info(("unpacking the seed %s"):format(seed.id))
    local ok, err =
      pcall(fail.wrap, ("cannot stage the seed `%s`"):format(seed.id), nil, unpack, space, seed, lock, partial, choices)
    if not ok then
      fs.remove_all(partial)
      error(err, 0)
    end
    files.publish(partial, root)
    log.info(("seed %s: tree digest %s"):format(seed.id, lock.digest))
  end
  stage.install(root, one)
end

--- Packs a root with metadata files of the workspace, and sources.
---@param space bq.Workspace
---@param output string
---@param root string
---@param options { sources: string[], metadata_files?: string[], attributes?: table<string, bq.Attribute>, epoch: integer, jobs?: integer } files of `sources/`, and of the workspace
function stage.pack(space, output, root, options)
  local inside = workspace.INSIDE:sub(2)
  local sources = { { path = root, attributes = options.attributes } }
  for _, name in ipairs(options.metadata_files or {}) do
    sources[#sources + 1] = { path = space:at(name), prefix = inside .. "/" .. name }
  end
  for _, name in ipairs(options.sources) do
    sources[#sources + 1] =
      { path = space:at("sources", name), prefix = inside .. "/sources/" .. name, mode = files.mode "0644" }
  end
  log.info(("packing %s"):format(output))
  local bytes = 0
  for _, source in ipairs(sources) do
    bytes = bytes + files.bytes(source.path, fs.stat(source.path))
  end
  local bar <close> = progress.bar { label = "pack " .. files.name(output), length = bytes, unit = "bytes" }
  local packed = fail.wrap(("cannot write `%s`"):format(output), nil, archive.pack, {
    output = output,
    sources = sources,
    compression = output:find "%.zst$" and "zstd" or output:find "%.tar$" and "none" or "gzip",
    threads = options.jobs,
    mtime = options.epoch,
    progress = function(done)
      bar:set(done)
    end,
  })
  bar:finish()
  events.say("summary", { output = output, bytes = packed.size, entries = packed.entries, sha256 = packed.sha256 })
  log.info(("%s: %s, %d entries, sha256 %s"):format(output, report.size(packed.size), packed.entries, packed.sha256))
end

return stage
