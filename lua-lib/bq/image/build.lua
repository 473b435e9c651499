-- Makes a disk that boots by EFI. A rootfs, bq, the plan and other files of the machine are packed into a tar. The root
-- file
-- system is made of the tar, and the disk of the root file system and a kernel. It needs no root and no mounts.
local archive = require "bq.archive"
local args = require "bq.args"
local content = require "bq.image.content"
local digest = require "bq.digest"
local fail = require "bq.fail"
local filesystem = require "bq.image.filesystem"
local fs = require "bq.fs"
local image = require "bq.image"
local input = require "bq.image.input"
local job = require "bq.run.job"
local layout = require "bq.image.layout"
local log = require "bq.log"
local progress = require "bq.progress"
local report = require "bq.report"
local union = require "bq.stage.union"
local workspace = require "bq.workspace"

local build = {}

local MIB <const> = 1 << 20
-- Free space to work in, and to build a whole system in if its sources are on the disk. Free space costs nothing in a QCOW2.
local FREE <const> = 256 * MIB
local FREE_TO_BUILD <const> = 32 << 30
local LEAST_FREE <const> = 16 * MIB
local UNITS <const> = { [""] = 1, K = 1 << 10, M = MIB, G = 1 << 30, T = 1 << 40 }

---@class bq.image.Plan
---@field rootfs string the phase whose outputs are the rootfs, unless the command line says another
---@field additions string the phase whose outputs go over the rootfs, the kernel among them
---@field kernel string where the kernel is in those
---@field tools string the phase that has the programs which make a root file system
---@field mkfs table<string, string> those programs, by file system: `ext4`, `squashfs`

-- stylua: ignore
build.OPTIONS = {
  { name = "output", value = "FILE", help = "the disk; `disk.` and the format if absent" },
  { name = "rootfs", value = "WHAT", help = "what goes onto it: a phase of the plan, a rootfs tarball or folder" },
  { name = "format", value = "FORMAT", help = "qcow2 or raw", default = "qcow2" },
  { name = "compression", value = "NAME", help = "of a QCOW2: zlib, or zstd, which QEMU reads from 5.1 on", default = "zlib" },
  { name = "root", value = "KIND", help = "ext4, or squashfs: smaller; what is written goes to memory", default = "ext4" },
  { name = "size", value = "SIZE", help = "of the disk: 4G, 900M; what its content needs and some room if absent" },
  { name = "label", value = "TEXT", help = "of the root file system", default = "bq" },
  { name = "sources", help = "with all source archives of the plan, and the room to build them" },
  { name = "bq", value = "FILE", help = "the bq to put onto a disk for another architecture" },
  { name = "jobs", value = "N", number = true, help = "how many threads; the number of cores if absent" },
  { name = "workspace", value = "DIR", help = "the folder of the build [default: data/sysroot]" },
}

--- The number of bytes that a text such as `4G` means.
---@param text string
---@return integer
function build.size(text)
  local number, unit = text:upper():match "^(%d+)([KMGT]?)I?B?$"
  local size = number and math.tointeger(tonumber(number)) and math.tointeger(tonumber(number)) * UNITS[unit]
  if not size or size <= 0 or size > 1 << 50 then
    fail.usage(("`--size %s` is no size"):format(text), "say it like `900M` or `4G`")
  end
  return size // 512 * 512
end

local function choose(option, value, known)
  for _, one in ipairs(known) do
    if one == value then
      return value
    end
  end
  fail.usage(("`--%s %s`: it is %s"):format(option, value, table.concat(known, " or ")))
end

--- Checks the command line before anything else is done.
local function check(options)
  choose("format", options.format, { "qcow2", "raw" })
  choose("compression", options.compression, { "zlib", "zstd" })
  choose("root", options.root, { "ext4", "squashfs" })
  if options.root == "squashfs" and options.sources then
    fail.usage "`--sources` wants a root that can be written: `--root ext4`"
  end
  if #options.label > 16 then
    fail.usage(("`--label %s` is longer than the 16 bytes that ext4 has for it"):format(options.label))
  end
  options.output = options.output or "disk." .. options.format
  options.size = options.size and build.size(options.size)
  local parent = fs.stat(options.output:match "^(.*)/[^/]*$" or ".")
  if not parent or parent.type ~= "dir" then
    fail.usage(("`--output %s`: there is no such folder"):format(options.output))
  end
end

--- Packs the root into a tar, the only intermediate file.
local function pack(tree, path, epoch)
  local bar <close> = progress.bar { label = "tar", length = tree.bytes, unit = "bytes" }
  return archive.pack {
    output = path,
    sources = tree.sources,
    attributes = tree.attributes,
    compression = "none",
    mtime = epoch,
    progress = function(bytes)
      bar:set(bytes)
    end,
  }
end

local function write(options, disk)
  local bar <close> = progress.bar { label = options.output, length = 1, unit = "bytes" }
  disk.output, disk.format, disk.threads = options.output, options.format, options.jobs
  disk.compression = options.format == "qcow2" and options.compression or nil
  disk.progress = function(done, total)
    bar:length(total)
    bar:set(done)
  end
  return fail.wrap(("cannot write `%s`"):format(options.output), nil, image.write, disk)
end

local function show(tree, kernel, options, place, written)
  for _, one in ipairs(content.by_package(tree)) do
    log.info(("  %-28s %10s  %6d files"):format(one.name, report.size(one.bytes), one.files))
  end
  log.info(
    ("kernel %s, root %s in %d entries"):format(report.size(fs.stat(kernel).size), report.size(tree.bytes), tree.count)
  )
  log.info(
    ("%s: %s, a disk of %d MiB for %s, sha256 %s"):format(
      options.output,
      report.size(written.file_size),
      place.size // MIB,
      place.arch,
      digest.file(options.output)
    )
  )
  log.info(("next: `bq scripts/boot.lua %s`"):format(options.output))
end

--- The size and the number of inodes that the root needs. If a disk size was given, with the least free space that is useful.
local function need(tree, options)
  local free = options.size and LEAST_FREE or options.sources and FREE_TO_BUILD or FREE
  return layout.ext4 { bytes = tree.bytes, entries = tree.count, free = free }
end

--- Makes the root file system and the layout of the disk.
local function make_root(found, options, tree, place_for, folder)
  local spinner <close> = progress.bar { label = options.root }
  local common = {
    folder = folder,
    lowers = found.tools,
    program = found.mkfs,
    label = options.label,
    epoch = found.plan.epoch,
    jobs = options.jobs,
  }
  return fail.wrap("cannot make the root file system", nil, function()
    if options.root == "squashfs" then
      local root = filesystem.squashfs(common)
      return root, place_for(fs.stat(root).size)
    end
    local ext4 = need(tree, options)
    local place = place_for(ext4.size)
    common.ids = place.ids
    local inodes = math.max(ext4.inodes, options.size and place.root.size // 32768 or 0)
    return filesystem.ext4(common, place.root.size, inodes), place
  end)
end

--- Makes the disk. The folder is for temporary files; the caller removes it.
local function make(folder, found, options)
  local kernel = found.kernel
  local tree = union.of(input.parts(folder, found, options))
  content.require_init(tree)
  local disk =
    { arch = found.plan.arch, kernel_size = fs.stat(kernel).size, size = options.size, digest = ("0"):rep(64) }
  if options.root == "ext4" then
    -- This fails early if the content does not fit.
    disk.root_size = need(tree, options).size
    layout.new(disk)
  end
  local packed = pack(tree, job.paths(folder).build .. "/root.tar", found.plan.epoch)
  disk.digest = digest.sha256(table.concat({ packed.sha256, digest.file(kernel), options.label, options.root }, "\n"))
  local root, place = make_root(found, options, tree, function(size)
    disk.root_size = size
    return layout.new(disk)
  end, folder)
  fs.remove(job.paths(folder).build .. "/root.tar")
  local written = write(
    options,
    layout.disk(
      place,
      { kernel = kernel, kernel_attributes = found.kernel_attributes, root = root, mtime = found.plan.epoch }
    )
  )
  show(tree, kernel, options, place, written)
end

--- Runs the program.
---@param plan bq.image.Plan
---@param words string[] the command line
function build.main(plan, words)
  local options = args.parse({
    about = "Makes a disk that boots by EFI, without root: the same bytes for the same content.",
    usage = "bq scripts/build_qcow2.lua [OPTIONS]",
    options = build.OPTIONS,
  }, words)
  check(options)
  local space = workspace.new(options.workspace)
  local found = input.find(space, plan, options)
  fs.mkdir(space:at "build")
  local folder = fs.mkdtemp(space:at "build/image-")
  job.clean(folder)
  local ok, err = xpcall(make, function(err)
    return fail.is_expected(err) and err or fail.new("bq itself failed", { cause = debug.traceback(tostring(err), 2) })
  end, folder, found, options)
  fs.remove_all(folder)
  if not ok then
    error(err, 0)
  end
end

return build
