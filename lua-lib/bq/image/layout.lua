-- The layout of a disk that boots by EFI, and its ids, which are derived from the digest of its content.
local digest = require "bq.digest"
local fail = require "bq.fail"

local layout = {}

local MIB <const> = 1 << 20
local EFI_TYPE <const> = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
-- Enough for a few kernels, and more than the 33 MiB that FAT32 needs.
local EFI_SIZE <const> = 64 * MIB

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

---@class bq.image.Ids
---@field disk string GUID
---@field efi string GUID of the EFI partition
---@field root string GUID of the root partition
---@field filesystem string UUID of the root file system
---@field hash_seed string UUID that ext4 hashes the names of folders with
---@field volume integer of the FAT

--- The ids of a disk. They depend on its content only.
---@param content string the digest of all that goes onto the disk
---@return bq.image.Ids
function layout.ids(content)
  local function derive(use)
    return digest.sha256(("bq.image %s %s"):format(use, content))
  end
  return {
    disk = digest.uuid(derive "disk"),
    efi = digest.uuid(derive "efi"),
    root = digest.uuid(derive "root"),
    filesystem = digest.uuid(derive "filesystem"),
    hash_seed = digest.uuid(derive "hash_seed"),
    volume = tonumber(derive("volume"):sub(1, 8), 16),
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

---@class bq.image.Layout
---@field size integer bytes of the disk
---@field arch string
---@field efi { start: integer, size: integer }
---@field root { start: integer, size: integer }
---@field ids bq.image.Ids

--- Places the partitions: 1 MiB for the table, the EFI partition, the root, 1 MiB for the table's copy.
---@param options { digest: string, arch: string, kernel_size: integer, root_size: integer, size?: integer } size: of the disk; the root gets all that the rest leaves
---@return bq.image.Layout
function layout.new(options)
  if not ARCHITECTURES[options.arch] then
    fail.raise(("no disk can be made for the architecture `%s`"):format(options.arch), {
      hint = "use `x86_64` or `aarch64`",
    })
  end
  -- Space for two kernels: an update is written before the old one is removed.
  local efi = math.max(EFI_SIZE, align(2 * options.kernel_size + 4 * MIB))
  local root = align(options.root_size)
  local least = MIB + efi + root + MIB
  local size = options.size or least
  if size < least then
    fail.raise(("a disk of %d MiB is too small for its content"):format(size // MIB), {
      cause = ("%d MiB are missing"):format(least // MIB - size // MIB),
      hint = ("use `--size %dM` or more"):format(least // MIB),
    })
  end
  return {
    size = size,
    arch = options.arch,
    efi = { start = MIB, size = efi },
    root = { start = MIB + efi, size = (size - 2 * MIB - efi) // MIB * MIB },
    ids = layout.ids(options.digest),
  }
end

--- The options of `image.write`, without output and format.
---@param place bq.image.Layout
---@param content { kernel: string, kernel_attributes?: bq.Attribute, root: string, mtime: integer } kernel, root: paths; root: an ext4 or squashfs of up to the root's size
---@return table
function layout.disk(place, content)
  local arch = ARCHITECTURES[place.arch]
  return {
    size = place.size,
    disk_guid = place.ids.disk,
    partitions = {
      {
        type = EFI_TYPE,
        guid = place.ids.efi,
        name = "EFI",
        start = place.efi.start,
        size = place.efi.size,
        content = {
          fat32 = {
            volume_id = place.ids.volume,
            label = "EFI",
            mtime = content.mtime,
            files = { { path = "/EFI/BOOT/" .. arch.loader, source = content.kernel } },
            attributes = { ["EFI/BOOT/" .. arch.loader] = content.kernel_attributes },
          },
        },
      },
      {
        -- The kernel's built-in command line finds it by this name: `root=PARTLABEL=root`.
        type = arch.root_type,
        guid = place.ids.root,
        name = "root",
        start = place.root.start,
        size = place.root.size,
        content = { file = content.root },
      },
    },
  }
end

return layout
