-- Shows the partitions of a disk, the record of its build and its files, without mounting it.
local args = require "bq.args"
local digest = require "bq.digest"
local fail = require "bq.fail"
local hex = require "bq.hex"
local image = require "bq.image"
local json = require "bq.json"
local log = require "bq.log"
local metadata = require "bq.stage.metadata"
local progress = require "bq.progress"
local schema = require "bq.schema"
local visible = require "bq.visible"
local workspace = require "bq.workspace"

local show = {}

-- The largest file that is read.
local MAX_FILE <const> = 4 << 30

-- stylua: ignore
show.OPTIONS = {
  { name = "files", help = "all files: mode, owner, size, capabilities, path" },
  { name = "digests", help = "all files, with the SHA-256 of each, read from the disk" },
  { name = "read", value = "PATH", help = "write a file of the root to standard output" },
  { name = "partition", value = "NAME", help = "whose files; a name or a number", default = "root" },
  { name = "json", help = "for programs" },
}

--- Calls a function that reads a disk, and names the disk in its error.
local function reading(disk, body, ...)
  return fail.wrap(("cannot read `%s`"):format(disk), nil, body, ...)
end

--- The partition that was asked for; `nil` if the image is one file system.
local function partition(options)
  return not options.is_bare and (math.tointeger(tonumber(options.partition)) or options.partition) or nil
end

--- The files of a partition, with digests if wanted.
local function list(disk, options)
  local found = reading(disk, image.list, { path = disk, partition = partition(options) })
  if options.digests then
    local bar <close> = progress.bar { label = "digests", length = #found, unit = "items" }
    for index, file in ipairs(found) do
      if file.type == "file" then
        local text = reading(
          disk,
          image.read,
          { path = disk, partition = partition(options), file = file.path, max_bytes = MAX_FILE }
        )
        file.sha256 = digest.sha256(text)
      end
      bar:set(index)
    end
  end
  return found
end

local TYPES <const> = { dir = "d", link = "l", file = "-", char = "c", block = "b", fifo = "p", socket = "s" }

local function show_files(found)
  for _, file in ipairs(found) do
    local words = {
      ("%s%04o"):format(TYPES[file.type] or "?", file.mode or 0),
      ("%d:%d"):format(file.uid or 0, file.gid or 0),
      ("%10d"):format(file.size),
    }
    words[#words + 1] = file.sha256
    words[#words + 1] = file.capabilities and "capabilities=" .. file.capabilities
    local name = visible(file.path .. (file.target and " -> " .. file.target or "")):gsub("\n", "\\x0a")
    words[#words + 1] = name
    log.out(table.concat(words, " "))
  end
end

--- The files in a form for JSON. A name that is not UTF-8 is escaped, and its bytes are added in hexadecimal digits.
local function as_json(found)
  for _, file in ipairs(found) do
    for _, field in ipairs { "path", "target" } do
      local name = file[field]
      if name and not utf8.len(name) then
        file[field] = visible(name)
        file[field .. "_hex"] = hex(name)
      end
    end
  end
  return json.array(found)
end

--- The partition that has the record of the build.
---@param info bq.image.Info
---@return bq.image.PartitionInfo?
local function root_of(info)
  for _, one in ipairs(info.partitions) do
    if one.name == "root" and one.filesystem == "ext4" then
      return one
    end
  end
end

--- What is known of a file system besides its kind.
local function about(one)
  return one.problem and "cannot be read: " .. one.problem or ("%s  %s"):format(one.id or "", one.label or "")
end

--- The record of the build, decoded, as far as the disk has it.
local function record(disk, info)
  local out, root = {}, root_of(info)
  for _, one in ipairs(root and not root.problem and metadata.OF_DISKS or {}) do
    local file = workspace.INSIDE .. "/" .. one.name
    local text =
      reading(disk, image.read, { path = disk, partition = "root", file = file, max_bytes = one.format.limit })
    out[one.name] = text and schema.parse(text, ("%s:%s"):format(disk, file), one.format)
  end
  return out
end

local function show_disk(disk, info, said)
  local format = info.format .. (info.compression and " with " .. info.compression or "")
  log.out(("%s: %s, a disk of %d MiB, id %s"):format(disk, format, info.size >> 20, info.disk_guid or "none"))
  for _, one in ipairs(info.partitions) do
    local line = ("  %d  %-6s %6d MiB  %-8s %s"):format(
      one.index,
      one.name,
      one.size >> 20,
      one.filesystem or "unknown",
      about(one)
    )
    log.out(visible(line))
  end
  if #info.partitions == 0 then
    log.out(visible(("  one file system: %s %s"):format(info.filesystem, about(info))))
  end
  local names = {}
  for _, one in ipairs(metadata.OF_DISKS) do
    names[#names + 1] = said[one.name] and ("%s/%s"):format(workspace.INSIDE, one.name)
  end
  local root = root_of(info)
  local none = root and root.problem and "the root cannot be read" or "none; it was not made by bq"
  log.out("record: " .. (#names > 0 and table.concat(names, " ") or none))
  local made = said["image.json"]
  if not made then
    return
  end
  log.out(("made for %s, kernel %s"):format(made.arch, made.kernel:sub(1, 16)))
  for _, one in ipairs(made.packages) do
    log.out(visible(("  %-24s %-12s %-10s %s"):format(one.name, one.version, one.phase, one.output:sub(1, 16))))
  end
end

--- Runs the program.
---@param words string[] the command line
function show.main(words)
  local options = args.parse({
    group = "look",
    about = "Shows what a disk holds, without mounting it: partitions, the record of its build, files.",
    usage = "bq scripts/inspect.lua [OPTIONS] DISK",
    options = show.OPTIONS,
    positional = "DISK",
  }, words)
  local disk = options[1]
  if #options ~= 1 then
    fail.usage("which disk?", "`bq scripts/inspect.lua disk.qcow2`")
  end
  local info = reading(disk, image.info, disk)
  options.is_bare = #info.partitions == 0
  if options.is_bare and not info.filesystem then
    fail.raise(
      ("`%s` is no disk"):format(disk),
      { cause = "it has no partition table, and no file system that is known" }
    )
  end
  if options.read then
    local text = reading(
      disk,
      image.read,
      { path = disk, partition = partition(options), file = options.read, max_bytes = MAX_FILE }
    )
    if not text then
      fail.raise(
        ("there is no file `%s` on `%s`"):format(options.read, disk),
        { hint = ("`bq scripts/inspect.lua --files %s` lists them"):format(disk) }
      )
    end
    io.stdout:write(text)
    return
  end
  local want_files = options.files or options.digests
  if options.json then
    local out = { disk = info, record = record(disk, info), files = want_files and as_json(list(disk, options)) or nil }
    log.out(json.encode(out, { pretty = true }))
  elseif want_files then
    show_files(list(disk, options))
  else
    show_disk(disk, info, record(disk, info))
  end
end

return show
