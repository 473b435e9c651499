-- Makes a disk: the file systems, each of a tar or of files, then the disk of them. Each file system is checked to have room for
-- its content before the first one is made.
local archive = require "bq.archive"
local digest = require "bq.digest"
local fail = require "bq.fail"
local filesystem = require "bq.image.filesystem"
local format = require "bq.image.format"
local fs = require "bq.fs"
local job = require "bq.run.job"
local layout = require "bq.image.layout"
local progress = require "bq.progress"
local split = require "bq.image.split"
local tables = require "bq.tables"

local assemble = {}

local MIB <const> = 1 << 20
-- Free space to work in, and to build a whole system in if its sources are on the disk. Free space costs nothing in a QCOW2.
local FREE <const> = 256 * MIB
local FREE_TO_BUILD <const> = 32 << 30
local LEAST_FREE <const> = 16 * MIB
-- A FAT's own tables and clusters that are not full take less than this part of the content, and this much.
local FAT_PART <const> = 16
local FAT_LEAST <const> = 34 * MIB

---@class bq.image.Assembly
---@field folder string as `job.clean` leaves it; the caller removes it
---@field found bq.image.Input
---@field wish bq.image.Wish
---@field tree bq.Union
---@field kernel string the program that firmware starts
---@field output string
---@field format "qcow2"|"raw"
---@field compression? "zlib"|"zstd"
---@field sources boolean whether sources are on the disk
---@field jobs? integer

--- Packs a tree into a tar, the only intermediate file.
local function pack(tree, path, epoch, label)
  local bar <close> = progress.bar { label = label, length = tree.bytes, unit = "bytes" }
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

--- What a tree needs on a file system: bytes and inodes.
local function need(tree, kind, free)
  if kind == "fat32" then
    local bytes = tree.bytes + tree.bytes // FAT_PART + tree.count * 4096
    return { size = math.max(FAT_LEAST, bytes + 2 * MIB), inodes = 0 }
  end
  return layout.ext4 { bytes = tree.bytes, entries = tree.count, free = free }
end

--- The room that the further partitions need. Raises if one is too small for its files, or cannot keep them.
---@param trees table<string, bq.Union> by mount point without its first `/`
---@param slices bq.image.Slice[]
---@return table<string, { size: integer, inodes: integer }> # by name
local function check_slices(trees, slices)
  local out, lines = {}, {}
  for _, slice in ipairs(slices) do
    local tree = slice.mount and trees[slice.mount:sub(2)]
    if tree then
      if slice.filesystem == "fat32" then
        format.require_kept(tree, slice.mount, "fat32", ("the partition `%s`"):format(slice.name))
      end
      local wants = need(tree, slice.filesystem, slice.size and 0 or LEAST_FREE)
      if slice.size and wants.size > slice.size then
        lines[#lines + 1] = ("  %s: its files need %d MiB, it has %d MiB"):format(
          slice.name,
          (wants.size + MIB - 1) // MIB,
          slice.size // MIB
        )
      end
      out[slice.name] = wants
    end
  end
  if #lines > 0 then
    fail.raise("a partition is too small for its files", { notes = lines, hint = "give it a larger `size`" })
  end
  return out
end

--- The files of a tree as a FAT takes them.
local function fat_files(tree)
  local out = {}
  for path, entry in tables.sorted(tree.entries) do
    out[#out + 1] = entry.type == "dir" and { path = "/" .. path .. "/" } or { path = "/" .. path, source = entry.file }
  end
  return out
end

--- What is on a further partition, as `image.write` takes it.
local function slice_content(options, content, place, tree, wants)
  local slice, epoch = place.slice, options.found.plan.epoch
  local ids = layout.slice_ids(content, slice.name)
  local build = job.paths(options.folder).build
  if slice.filesystem == "swap" then
    local path = build .. "/swap"
    fs.write(path, layout.swap(place, ids.filesystem), { sync = false })
    return { file = path }
  elseif slice.filesystem == "fat32" then
    return { fat32 = { volume_id = ids.volume, label = slice.name, mtime = epoch, files = fat_files(tree) } }
  end
  return {
    file = filesystem.ext4({
      folder = options.folder,
      name = slice.name,
      lowers = options.found.tools,
      program = options.found.mkfs.ext4,
      label = slice.name,
      epoch = epoch,
      ids = ids,
    }, place.size, math.max(wants.inodes, place.size // 32768)),
  }
end

local function refuse_root(needs, has)
  fail.raise("the root is too small for its files", {
    cause = ("they need %d MiB, it has %d MiB"):format((needs + MIB - 1) // MIB, has // MIB),
    hint = "give it a larger `root_size`",
  })
end

--- Makes the root file system and the layout of the disk.
local function make_root(options, inodes, sizes)
  local wish = options.wish
  local common = {
    folder = options.folder,
    name = "root",
    lowers = options.found.tools,
    program = options.found.mkfs[wish.root],
    label = wish.label,
    epoch = options.found.plan.epoch,
    jobs = options.jobs,
  }
  local spinner <close> = progress.bar { label = wish.root }
  return fail.wrap("cannot make the root file system", nil, function()
    if wish.root == "squashfs" then
      local root = filesystem.squashfs(common)
      local size = fs.stat(root).size
      if wish.root_size and size > wish.root_size then
        refuse_root(size, wish.root_size)
      end
      sizes.root_size = wish.root_size or size
      return root, layout.new(sizes)
    end
    local place = layout.new(sizes)
    common.ids = place.ids
    return filesystem.ext4(common, place.root.size, math.max(inodes, wish.size and place.root.size // 32768 or 0)),
      place
  end)
end

--- Writes the disk.
---@param options bq.image.Assembly
---@return bq.image.Written
---@return bq.image.Layout
function assemble.disk(options)
  local wish, found, epoch = options.wish, options.found, options.found.plan.epoch
  local folders = {}
  for _, slice in ipairs(wish.slices) do
    folders[#folders + 1] = slice.mount and slice.mount:sub(2)
  end
  local trees = split.at(options.tree, folders)
  local root = trees[""]
  local needs = check_slices(trees, wish.slices)
  local free = (wish.size or wish.root_size) and LEAST_FREE or options.sources and FREE_TO_BUILD or FREE
  local ext4 = need(root, "ext4", free)
  if wish.root == "ext4" and wish.root_size and ext4.size > wish.root_size then
    refuse_root(ext4.size, wish.root_size)
  end
  local sizes = {
    digest = ("0"):rep(64),
    arch = found.plan.arch,
    kernel_size = fs.stat(options.kernel).size,
    size = wish.size,
    root_size = wish.root_size or ext4.size,
    root_fixed = wish.root_size ~= nil,
    slices = wish.slices,
    needs = {},
  }
  for name, one in pairs(needs) do
    sizes.needs[name] = one.size
  end
  if wish.root == "ext4" or wish.root_size then
    -- This fails early if the content does not fit.
    layout.new(sizes)
  end
  local build = job.paths(options.folder).build
  local parts =
    { pack(root, build .. "/root.tar", epoch, "tar").sha256, digest.file(options.kernel), wish.label, wish.root }
  for _, slice in ipairs(wish.slices) do
    local tree = slice.mount and trees[slice.mount:sub(2)]
    local tar = ("%s/%s.tar"):format(build, slice.name)
    parts[#parts + 1] = ("%s %s %s"):format(slice.name, slice.filesystem, slice.size)
    -- A FAT has no tar, but its content counts.
    parts[#parts + 1] = tree and pack(tree, tar, epoch, slice.name).sha256
  end
  sizes.digest = digest.sha256(table.concat(parts, "\n"))
  local path, place = make_root(options, ext4.inodes, sizes)
  local slices = {}
  for _, one in ipairs(place.order) do
    if one.slice then
      local tree = one.slice.mount and trees[one.slice.mount:sub(2)]
      slices[one.name] = fail.wrap(
        ("cannot make the partition `%s`"):format(one.name),
        nil,
        slice_content,
        options,
        sizes.digest,
        one,
        tree,
        needs[one.name]
      )
    end
  end
  local disk = layout.disk(place, {
    kernel = options.kernel,
    kernel_attributes = found.kernel_attributes,
    root = path,
    slices = slices,
    mtime = epoch,
  })
  local bar <close> = progress.bar { label = options.output, length = 1, unit = "bytes" }
  disk.output, disk.format, disk.threads = options.output, options.format, options.jobs
  disk.compression = options.format == "qcow2" and options.compression or nil
  disk.progress = function(done, total)
    bar:length(total)
    bar:set(done)
  end
  return fail.wrap(("cannot write `%s`"):format(options.output), nil, require("bq.image").write, disk), place
end

return assemble
