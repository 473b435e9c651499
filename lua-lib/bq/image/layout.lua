-- The layout of a disk that boots by EFI, and its ids, which are derived from the digest of its content.
local digest = require "bq.digest"
local fail = require "bq.fail"

local layout = {}

local MIB <const> = 1 << 20
local EFI_TYPE <const> = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
-- Enough for a few kernels, and more than the 33 MiB that FAT32 needs.
local EFI_SIZE <const> = 64 * MIB

-- Types of other partitions: the Discoverable Partitions Specification, and Microsoft's for FAT.
local SWAP_TYPE <const> = "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f"
local LINUX_TYPE <const> = "0fc63daf-8483-4772-8e79-3d69d8477de4"
local FAT_TYPE <const> = "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"
local MOUNT_TYPES <const> = {
  ["/home"] = "933ac7e1-2eb4-4f13-b844-0e14e2aef915",
  ["/srv"] = "3b8f8425-20e0-4f3b-907f-1a25a76f98e8",
}

-- The name that firmware looks for (UEFI specification, section 3.5.1.1), and the type of a root
-- partition (the Discoverable Partitions Specification).
local ARCHITECTURES <const> = {
  x86_64 = { loader = "BOOTX64.EFI", root_type = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709" },
  aarch64 = { loader = "BOOTAA64.EFI", root_type = "b921b045-1df0-41c3-af44-4c6f280d3fae" },
}

--- The architecture of a root partition of this type; `nil` if the type is unknown.
---@param root_type string GUID
---@return string? arch
function layout.architecture(root_type)
  for arch, one in pairs(ARCHITECTURES) do
    if one.root_type == root_type:lower() then
      return arch
    end
  end
end

local function align(bytes)
  return (bytes + MIB - 1) // MIB * MIB
end

---@class bq.image.FilesystemIds
---@field filesystem string UUID of the file system
---@field hash_seed string UUID that ext4 hashes the names of folders with

---@class bq.image.Ids: bq.image.FilesystemIds
---@field disk string GUID
---@field efi string GUID of the EFI partition
---@field root string GUID of the root partition
---@field volume integer of the FAT

local function derive(content, use)
  return digest.sha256(("bq.image %s %s"):format(use, content))
end

--- The ids of a disk. They depend on its content only.
---@param content string the digest of all that goes onto the disk
---@return bq.image.Ids
function layout.ids(content)
  return {
    disk = digest.uuid(derive(content, "disk")),
    efi = digest.uuid(derive(content, "efi")),
    root = digest.uuid(derive(content, "root")),
    filesystem = digest.uuid(derive(content, "filesystem")),
    hash_seed = digest.uuid(derive(content, "hash_seed")),
    volume = tonumber(derive(content, "volume"):sub(1, 8), 16),
  }
end

---@class bq.image.SliceIds: bq.image.FilesystemIds
---@field partition string GUID
---@field volume integer of a FAT

--- The ids of a further partition.
---@param content string the digest of all that goes onto the disk
---@param name string
---@return bq.image.SliceIds
function layout.slice_ids(content, name)
  return {
    partition = digest.uuid(derive(content, "partition " .. name)),
    filesystem = digest.uuid(derive(content, "filesystem " .. name)),
    hash_seed = digest.uuid(derive(content, "hash_seed " .. name)),
    volume = tonumber(derive(content, "volume " .. name):sub(1, 8), 16),
  }
end

--- The size of an ext4 for a tree: content in blocks of 4 KiB, inodes, a journal and free space.
---@param tree { bytes: integer, entries: integer, free?: integer } free: bytes, 64 MiB if absent
---@return { size: integer, inodes: integer } # size in whole MiB
function layout.ext4(tree)
  local free = tree.free or 64 * MIB
  -- Inodes for the free space too: one for each 32 KiB.
  local inodes = tree.entries + tree.entries // 4 + 1024 + free // 32768
  -- One block for each entry covers the last, partly filled block of a file, and the block of a folder.
  local content = tree.bytes + tree.entries * 4096 + inodes * 256
  local journal = math.min(1024 * MIB, math.max(16 * MIB, content // 32))
  -- Bitmaps, group descriptors and copies of the superblock take less than 2 %.
  local size = content + content // 50 + journal + free
  return { size = align(size), inodes = inodes }
end

---@class bq.image.Place a partition on a disk
---@field name string
---@field start integer bytes
---@field size integer bytes
---@field slice? bq.image.Slice of the partitions that are no EFI partition and no root

---@class bq.image.Layout
---@field size integer bytes of the disk
---@field arch string
---@field efi bq.image.Place
---@field root bq.image.Place
---@field order bq.image.Place[] all, as they lie on the disk
---@field ids bq.image.Ids
---@field digest string of the content

---@class bq.image.Sizes
---@field digest string
---@field arch string
---@field kernel_size integer
---@field root_size integer what the root needs
---@field root_fixed? boolean the root has this size, and does not grow with the disk
---@field size? integer of the disk; the last partition gets all that the rest leaves
---@field slices? bq.image.Slice[] the one that takes the rest comes last
---@field needs? table<string, integer> what slices without a size need, by name

--- Places the partitions: 1 MiB for the table, the EFI partition, the others, 1 MiB for the table's copy. The partition that
--- takes the rest is the last: the root, unless another one does.
---@param options bq.image.Sizes
---@return bq.image.Layout
function layout.new(options)
  if not ARCHITECTURES[options.arch] then
    fail.raise(("no disk can be made for the architecture `%s`"):format(options.arch), {
      hint = "use `x86_64` or `aarch64`",
    })
  end
  -- Space for two kernels: an update is written before the old one is removed.
  ---@type bq.image.Place
  local efi = { name = "EFI", start = 0, size = math.max(EFI_SIZE, align(2 * options.kernel_size + 4 * MIB)) }
  ---@type bq.image.Place
  local root = { name = "root", start = 0, size = align(options.root_size) }
  local order, last = { efi }, root
  for _, slice in ipairs(options.slices or {}) do
    ---@type bq.image.Place
    local place = {
      name = slice.name,
      start = 0,
      size = slice.size or align((options.needs or {})[slice.name] or MIB),
      slice = slice,
    }
    if slice.size then
      order[#order + 1] = place
    else
      last = place
    end
  end
  if last == root then
    order[#order + 1] = root
  else
    table.insert(order, 2, root)
    order[#order + 1] = last
  end
  local at = MIB
  for _, place in ipairs(order) do
    place.start, at = at, at + place.size
  end
  local least = at + MIB
  local size = options.size or least
  if size < least then
    fail.raise(("a disk of %d MiB is too small for its content"):format(size // MIB), {
      cause = ("%d MiB are missing"):format(least // MIB - size // MIB),
      hint = ("use `--size %dM` or more"):format(least // MIB),
    })
  end
  if last ~= root or not options.root_fixed then
    last.size = (size - MIB - last.start) // MIB * MIB
  end
  return {
    size = size,
    arch = options.arch,
    efi = efi,
    root = root,
    order = order,
    ids = layout.ids(options.digest),
    digest = options.digest,
  }
end

--- The first page of a swap partition: `union swap_header` of the kernel's include/linux/swap.h.
---@param place bq.image.Place
---@param id string UUID
---@return string
function layout.swap(place, id)
  local PAGE <const> = 4096
  local bytes = id:gsub("-", ""):gsub("%x%x", function(byte)
    return string.char(tonumber(byte, 16))
  end)
  local header = ("<I4I4I4"):pack(1, place.size // PAGE - 1, 0) .. bytes .. ("c16"):pack(place.name)
  local page = ("\0"):rep(1024) .. header
  return page .. ("\0"):rep(PAGE - #page - 10) .. "SWAPSPACE2"
end

--- A disk with nothing but an EFI partition that holds one program.
---@param arch string
---@param program string a file
---@param size integer its bytes
---@return table # the options of `image.write`, without output and format
function layout.program(arch, program, size)
  local ids = layout.ids(digest.sha256(program))
  local files = { { path = "/EFI/BOOT/" .. ARCHITECTURES[arch].loader, source = program } }
  local fat = { volume_id = ids.volume, label = "EFI", mtime = 0, files = files }
  local bytes = math.max(EFI_SIZE, align(size + size // 32 + 4 * MIB))
  local efi = { type = EFI_TYPE, guid = ids.efi, name = "EFI", size = bytes, content = { fat32 = fat } }
  return { disk_guid = ids.disk, partitions = { efi } }
end

--- The type of a further partition.
local function slice_type(slice)
  if slice.filesystem == "swap" then
    return SWAP_TYPE
  end
  return slice.filesystem == "fat32" and FAT_TYPE or MOUNT_TYPES[slice.mount] or LINUX_TYPE
end

---@class bq.image.Contents
---@field kernel string a path: the program that firmware starts
---@field kernel_attributes? bq.Attribute
---@field root string the path of an ext4 or squashfs of up to the root's size
---@field slices? table<string, { file?: string, fat32?: bq.image.Fat }> by name
---@field mtime integer

--- The options of `image.write`, without output and format.
---@param place bq.image.Layout
---@param content bq.image.Contents
---@return table
function layout.disk(place, content)
  local arch = ARCHITECTURES[place.arch]
  local efi = {
    volume_id = place.ids.volume,
    label = "EFI",
    mtime = content.mtime,
    files = { { path = "/EFI/BOOT/" .. arch.loader, source = content.kernel } },
    attributes = { ["EFI/BOOT/" .. arch.loader] = content.kernel_attributes },
  }
  local partitions = {}
  for index, one in ipairs(place.order) do
    local entry = { name = one.name, start = one.start, size = one.size }
    if one == place.efi then
      entry.type, entry.guid, entry.content = EFI_TYPE, place.ids.efi, { fat32 = efi }
    elseif one == place.root then
      -- The kernel's built-in command line finds it by its name: `root=PARTLABEL=root`.
      entry.type, entry.guid, entry.content = arch.root_type, place.ids.root, { file = content.root }
    else
      entry.type, entry.guid = slice_type(one.slice), layout.slice_ids(place.digest, one.name).partition
      entry.content = (content.slices or {})[one.name]
    end
    partitions[index] = entry
  end
  return { size = place.size, disk_guid = place.ids.disk, partitions = partitions }
end

return layout
