-- The tree of a Debian seed: all packages unpacked into one folder, and the links that their maintainers' scripts would
-- make.
local archive = require "bq.archive"
local files = require "bq.files"
local fs = require "bq.fs"
local seed_file = require "bq.seed.file"

-- The folders that Debian's usr-merge moves below /usr. In some releases a script does it.
local MERGED = { "bin", "lib", "lib64", "sbin" }
-- Links that maintainers' scripts would make.
local LINKS =
  { ["usr/bin/sh"] = "dash", ["usr/bin/awk"] = "gawk", ["usr/bin/cc"] = "clang", ["usr/bin/c++"] = "clang++" }
local ACCOUNTS = {
  ["etc/passwd"] = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
  ["etc/group"] = "root:x:0:\nnogroup:x:65534:\n",
}

--- The newest compiler that a tree has in a folder with its release in the name.
---@param target string
---@return string? folder of its programs, below /usr
local function newest_compiler(target)
  local newest, folder = 0, nil
  for _, name in ipairs(files.list(target .. "/usr/lib")) do
    local release = math.tointeger(name:match "^llvm%-(%d+)$")
    local tools = release and ("lib/llvm-%d/bin"):format(release)
    if tools and release > newest and fs.lstat(("%s/usr/%s/clang"):format(target, tools)) then
      newest, folder = release, tools
    end
  end
  return folder
end

--- The links of a tree, by path: those of every seed, and plain names for a compiler that has its release in its name.
---@param target string
---@return table<string, string>
local function links(target)
  local out = {}
  for link, to in pairs(LINKS) do
    out[link] = to
  end
  local folder = not fs.lstat(target .. "/usr/bin/clang") and newest_compiler(target)
  for _, tool in ipairs(folder and files.list(target .. "/usr/" .. folder) or {}) do
    out["usr/bin/" .. tool] = ("../%s/%s"):format(folder, tool)
  end
  return out
end

--- Makes something at a path that packages do not have. It and its folder get the folder's time of before, which is a
--- package's: steps see times, and these must not depend on when the seed was unpacked.
---@param target string
---@param path string
---@param make fun(place: string)
local function add(target, path, make)
  local folder = files.inside(target, files.parent(path))
  local place, time = folder .. "/" .. files.name(path), fs.stat(folder).mtime
  make(place)
  fs.utime(place, time)
  fs.utime(folder, time)
end

--- Unpacks the packages of a seed.
---@param paths string[] the packages' files, in the order of the lock
---@param target string an empty folder
---@param jobs? integer threads
---@return table<string, bq.archive.Attribute> modes that have set-id bits, by path
local function tree(paths, target, jobs)
  local started = os.time()
  for _, name in ipairs(MERGED) do
    fs.mkdir(target .. "/usr/" .. name)
    fs.symlink("usr/" .. name, target .. "/" .. name)
  end
  local summary = archive.extract_all {
    paths = paths,
    target = target,
    threads = jobs,
    label = "unpack packages",
    profile = "rootfs",
    attributes = "collect",
    devices = "skip",
  }
  local time = fs.stat(target .. "/usr").mtime
  for _, name in ipairs(MERGED) do
    local folder = target .. "/usr/" .. name
    if fs.stat(folder).mtime >= started then
      fs.utime(folder, time)
    end
    fs.utime(target .. "/" .. name, time)
  end
  for link, to in pairs(links(target)) do
    add(target, link, function(place)
      if not fs.lstat(place) then
        fs.symlink(to, place)
      end
    end)
  end
  for path, text in pairs(ACCOUNTS) do
    add(target, path, function(place)
      fs.write(place, text, { sync = false })
    end)
  end
  return seed_file.modes(summary)
end

return tree
