-- The reader of QCOW2 disks, and through it those of partition tables and FAT.
local fs = require "bq.fs"
local image = require "bq.image"
local uuid = require("bq.digest").uuid

local target = {
  words = {
    "QFI\xfb",
    "EFI PART",
    "FAT32   ",
    "\x55\xaa",
    "\0\0\0\2",
    "\0\0\0\3",
    "\0\0\0\x10",
    "\0\0\0\x1f",
    "\xeb\x58\x90",
    "\0\2",
    "\x53\xef",
  },
}

function target.seeds()
  local list, digest = {}, ("0123456789abcdef"):rep(4)
  for _, compression in ipairs { "zlib", "zstd" } do
    image.write {
      output = "seed",
      format = "qcow2",
      compression = compression,
      disk_guid = uuid(digest),
      partitions = {
        {
          type = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
          guid = uuid(digest:reverse()),
          name = "EFI",
          size = 34 << 20,
          content = {
            fat32 = { volume_id = 1, mtime = 1700000000, files = { { path = "/EFI/BOOT/F", data = "content" } } },
          },
        },
      },
    }
    list[#list + 1] = fs.read "seed"
  end
  return list
end

local function is_own(err)
  return type(err) == "table" and type(err.code) == "string" and err.code ~= "lua"
end

function target.try(_, path)
  local ok, err = pcall(image.info, path)
  assert(ok or is_own(err), err)
  for partition = 1, 2 do
    local listed, entries = pcall(image.list, { path = path, partition = partition })
    assert(listed or is_own(entries), entries)
    local read, content =
      pcall(image.read, { path = path, partition = partition, file = "EFI/BOOT/F", max_bytes = 1 << 20 })
    assert(read or is_own(content), content)
  end
  local listed, entries = pcall(image.list, { path = path })
  assert(listed or is_own(entries), entries)
  fs.remove(path)
end

return target
