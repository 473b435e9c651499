-- Writes an image of a root, in each format.
local archive = require "bq.archive"
local assemble = require "bq.image.assemble"
local content = require "bq.image.content"
local efi = require "bq.image.efi"
local fail = require "bq.fail"
local files = require "bq.files"
local format = require "bq.image.format"
local fs = require "bq.fs"
local job = require "bq.run.job"
local oci = require "bq.image.oci"
local progress = require "bq.progress"

local writers = {}

local MIB <const> = 1 << 20

--- Packs the root.
local function pack(tree, output, epoch, options, more)
  local bar <close> = progress.bar { label = output, length = tree.bytes, unit = "bytes" }
  local call = {
    output = output,
    sources = tree.sources,
    attributes = tree.attributes,
    mtime = epoch,
    threads = options.jobs,
    progress = function(bytes)
      bar:set(bytes)
    end,
  }
  for name, value in pairs(more) do
    call[name] = value
  end
  return fail.wrap(("cannot write `%s`"):format(output), nil, archive.pack, call)
end

---@class bq.image.Making
---@field folder string
---@field found bq.image.Input
---@field options table of the command line
---@field said bq.image.Spec
---@field tree bq.Union

--- What the kernel is told. A kernel that takes what it is told for all, as that of aarch64 does, is told what is built in, too.
---@param making bq.image.Making
---@return string?
local function command_line(making)
  local said, config = making.said.command_line, making.found.config
  local text = said and config and "\n" .. fs.read(config) or ""
  local built_in = text:find("\nCONFIG_CMDLINE_FROM_BOOTLOADER=y", 1, true)
    and text:match '\nCONFIG_CMDLINE="([^"\n]*)"'
  return built_in and built_in .. " " .. said or said
end

--- One EFI program of the kernel, a command line and perhaps a first root. Returns its path.
---@param making bq.image.Making
---@param output string
---@param initrd? string a file
local function program(making, output, initrd)
  local found, stub = making.found, making.found.stub
  if not stub then
    fail.raise("there is no stub to carry the kernel", {
      cause = "no package of the plan's image phase has one",
      hint = ("plan with set `image` again: `bq scripts/build_sysroot.lua --set image%s`, then `bq scripts/coordinator.lua%s`"):format(
        found.space:option(),
        found.space:option()
      ),
    })
  elseif found.kernel_attributes then
    local said = found.kernel_attributes
    if (said.uid or 0) ~= 0 or (said.gid or 0) ~= 0 or said.capabilities then
      fail.raise "the kernel has an owner or capabilities, which a FAT cannot keep"
    end
  end
  fail.wrap(("cannot write `%s`"):format(output), nil, function()
    fs.write(
      output,
      efi.program {
        arch = found.plan.arch,
        stub = fs.read(stub),
        kernel = fs.read(found.kernel),
        initrd = initrd and fs.read(initrd),
        os_release = content.read(making.tree, "/etc/os-release"),
        command_line = command_line(making),
      }
    )
  end)
  return output
end

--- What writes an image, by format. It returns what it wrote, in words.
---@type table<string, fun(making: bq.image.Making): string>
writers.of = {}

local function write_disk(making)
  local options, found = making.options, making.found
  local kernel = found.kernel
  if making.said.command_line then
    kernel = program(making, job.paths(making.folder).build .. "/kernel.efi")
  end
  local _, place = assemble.disk {
    folder = making.folder,
    found = found,
    wish = making.said.wish,
    tree = making.tree,
    kernel = kernel,
    output = options.output,
    format = options.format,
    compression = options.compression or "zlib",
    sources = options.sources or false,
    jobs = options.jobs,
  }
  return ("a disk of %d MiB"):format(place.size // MIB)
end
writers.of.qcow2, writers.of.raw = write_disk, write_disk

local function first_root(making, output)
  local what = ("format `%s`"):format(making.options.format)
  format.require_kept(making.tree, "", "cpio", what)
  -- Without an entry of its own, everybody may write to the top: it is that of the kernel's first tmpfs.
  local attributes = { ["."] = { mode = files.mode "0755" } }
  for path, one in pairs(making.tree.attributes) do
    attributes[path] = one
  end
  local more = { format = "cpio", compression = format.KINDS.initramfs.compression, attributes = attributes }
  return pack(making.tree, output, making.found.plan.epoch, making.options, more)
end

function writers.of.initramfs(making)
  first_root(making, making.options.output)
  return "a first root"
end

function writers.of.efi(making)
  local initrd = job.paths(making.folder).build .. "/initrd"
  first_root(making, initrd)
  program(making, making.options.output, initrd)
  return "an EFI program"
end

local function write_tar(making)
  local kind = format.KINDS[making.options.format]
  local packed = pack(
    making.tree,
    making.options.output,
    making.found.plan.epoch,
    making.options,
    { compression = kind.compression }
  )
  return ("a tar of %d entries"):format(packed.entries)
end
writers.of["tar.gz"], writers.of["tar.zst"] = write_tar, write_tar

function writers.of.oci(making)
  local options = making.options
  local bar <close> = progress.bar { label = options.output, length = making.tree.bytes, unit = "bytes" }
  oci.write {
    tree = making.tree,
    folder = job.paths(making.folder).build,
    output = options.output,
    arch = making.found.plan.arch,
    epoch = making.found.plan.epoch,
    name = options.name,
    container = making.said.container,
    jobs = options.jobs,
    progress = function(bytes)
      bar:set(bytes)
    end,
  }
  return ("a container image `%s`"):format(options.name)
end

return writers
