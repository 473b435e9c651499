-- Makes an image of a rootfs, bq, the plan and other files: a disk that boots by EFI, one EFI program, a first root, a container
-- image or a tar. Everything is made of one root, with the attributes that are told of its files. It needs no root and no mounts.
local args = require "bq.args"
local content = require "bq.image.content"
local digest = require "bq.digest"
local disk = require "bq.image.disk"
local events = require "bq.events"
local fail = require "bq.fail"
local format = require "bq.image.format"
local fs = require "bq.fs"
local input = require "bq.image.input"
local job = require "bq.run.job"
local log = require "bq.log"
local oci = require "bq.image.oci"
local report = require "bq.report"
local spec = require "bq.image.spec"
local tables = require "bq.tables"
local union = require "bq.stage.union"
local workspace = require "bq.workspace"
local writers = require "bq.image.writers"

local build = {}

local COMPRESSIONS <const> = { "zlib", "zstd" }
local ROOTS <const> = { "ext4", "squashfs" }

---@class bq.image.Plan
---@field rootfs string the phase whose outputs are the rootfs, unless the command line says another
---@field additions string the phase whose outputs go over the rootfs, the kernel among them
---@field kernel string where the kernel is in those
---@field config? string where its configuration is
---@field stub string where the program is that carries a kernel, its command line and a first root
---@field tools string the phase that has the programs which make a root file system
---@field mkfs table<string, string> those programs, by file system: `ext4`, `squashfs`

-- stylua: ignore
build.OPTIONS = {
  { name = "output", value = "FILE", writes = true, help = "the image; `disk.` or `root.` and the format's ending if absent" },
  { name = "format", value = "FORMAT", help = table.concat(format.names(), ", ") .. "; what the name of FILE says if absent, or qcow2" },
  { name = "rootfs", value = "WHAT", help = "what goes onto it: a phase of the plan, a rootfs tarball or folder" },
  { name = "spec", value = "FILE", help = "a file of Lua that says what the image is to be: disk, partitions, container" },
  { name = "compression", value = "NAME", help = "of a QCOW2: zlib, or zstd, which QEMU reads from 5.1 on [default: zlib]" },
  { name = "root", value = "KIND", help = "of a disk: ext4, or squashfs: smaller; what is written goes to memory [default: ext4]" },
  { name = "size", value = "SIZE", help = "of a disk: 4G, 900M; what its content needs and some room if absent" },
  { name = "label", value = "TEXT", help = "of the root file system of a disk [default: bq]" },
  { name = "without-partitions", help = "for a format that has none: all files of the system in one root, nothing is mounted" },
  { name = "command-line", value = "TEXT", help = "what the kernel of a disk or an EFI program is told, besides what is built in" },
  { name = "name", value = "NAME[:TAG]", help = "of a container image", default = "bq" },
  { name = "entrypoint", value = "WORD", many = true, help = "of a container image: what it starts, word by word" },
  { name = "env", value = "NAME=VALUE", many = true, help = "of a container image: of its environment" },
  { name = "sources", help = "with all source archives of the plan, and on a disk the room to build them" },
  require("bq.stage.program").OPTION,
  { name = "jobs", value = "N", number = true, help = "how many threads; the number of cores if absent" },
  { name = "workspace", value = "DIR", help = "the folder of the build [default: data/sysroot]" },
  events.OPTION,
}

-- Options that mean something for some formats only.
local ONLY <const> = {
  disk = { "compression", "root", "size", "label" },
  kernel = { "command_line" },
  container = { "entrypoint", "env" },
}

local function choose(option, value, known)
  if value and not tables.contains(known, value) then
    fail.usage(("`--%s %s`: it is %s"):format(option, value, table.concat(known, " or ")))
  end
end

--- Checks the command line before anything else is done.
---@return bq.image.Format
local function check(options)
  options.format = options.format or options.output and format.of_name(options.output) or "qcow2"
  choose("format", options.format, format.names())
  choose("compression", options.compression, COMPRESSIONS)
  choose("root", options.root, ROOTS)
  local kind = format.KINDS[options.format]
  local is = { disk = kind.disk, kernel = kind.kernel, container = options.format == "oci" }
  for what, names in pairs(ONLY) do
    for _, name in ipairs(is[what] and {} or names) do
      local value = options[name]
      if value and (type(value) ~= "table" or #value > 0) then
        fail.usage(("`--%s` says nothing for format `%s`"):format(name:gsub("_", "-"), options.format))
      end
    end
  end
  if options.size and not disk.size(options.size) then
    fail.usage(("`--size %s` is no size"):format(options.size), "say it like `900M` or `4G`")
  end
  if options.label and #options.label > 16 then
    fail.usage(("`--label %s` is longer than the 16 bytes that ext4 has for it"):format(options.label))
  end
  if not oci.is_name(options.name) then
    fail.usage(("`--name %s` is no name of a container image"):format(options.name), "use small letters: `NAME:TAG`")
  end
  options.output = options.output or format.output(options.format)
  return kind
end

local function show(making, what)
  local tree, options, found = making.tree, making.options, making.found
  for _, one in ipairs(content.by_package(tree)) do
    log.info(("  %-28s %10s  %6d files"):format(one.name, report.size(one.bytes), one.files))
  end
  local root = ("root %s in %d entries"):format(report.size(tree.bytes), tree.count)
  log.info(found.kernel and ("kernel %s, %s"):format(report.size(fs.stat(found.kernel).size), root) or root)
  local size, sha256 = fs.stat(options.output).size, digest.file(options.output)
  log.info(("%s: %s, %s for %s, sha256 %s"):format(options.output, report.size(size), what, found.plan.arch, sha256))
  events.say("summary", { output = options.output, format = options.format, bytes = size, sha256 = sha256 })
  if format.KINDS[options.format].boots then
    log.info(("next: `bq scripts/boot.lua %s`"):format(options.output))
  end
end

--- Makes the image. The folder is for temporary files; the caller removes it.
local function make(folder, found, options, said)
  local kind = format.KINDS[options.format]
  local parts = input.parts(folder, found, { wish = said.wish, bq = options.bq, sources = options.sources })
  local tree = union.of(parts)
  if kind.boots then
    content.require_init(tree)
  end
  if kind.boots and not kind.disk and not tree.entries.init then
    -- The kernel starts this one in a first root.
    local place = job.paths(folder).home .. "/init"
    fs.mkdir(place)
    fs.symlink("sbin/init", place .. "/init")
    tree = union.of(tables.append(parts, { { path = place, package = "init" } }))
  end
  local making = { folder = folder, found = found, options = options, said = said, tree = tree }
  show(making, writers.of[options.format](making))
end

--- Runs the program.
---@param plan bq.image.Plan
---@param words string[] the command line
function build.main(plan, words)
  local options = args.parse({
    group = "make",
    about = "Makes an image without root: the same bytes for the same content. A disk or an EFI program boots by EFI.",
    usage = "bq scripts/build_qcow2.lua [OPTIONS]",
    options = build.OPTIONS,
  }, words)
  local kind = check(options)
  local space = workspace.new(options.workspace)
  local said = spec.of(space:plan(), options)
  format.refuse_disk(options.format, said.wish, options.without_partitions)
  if options.without_partitions then
    said.wish = disk.wish()
  end
  if said.wish.root == "squashfs" and options.sources then
    fail.usage "`--sources` wants a root that can be written: `--root ext4`"
  end
  local found = input.find(space, plan, options.rootfs, kind, said.wish)
  fs.mkdir(space:at "build")
  local folder = fs.mkdtemp(space:at "build/image-")
  job.clean(folder)
  local ok, err = xpcall(make, function(err)
    return fail.is_expected(err) and err or fail.new("bq itself failed", { cause = debug.traceback(tostring(err), 2) })
  end, folder, found, options, said)
  fs.remove_all(folder)
  if not ok then
    error(err, 0)
  end
end

return build
