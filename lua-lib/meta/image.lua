---@meta bq.image

---Disk images, written and read as an ordinary user: no root, loop devices or mounts. No raw disk is made on the way to a
---QCOW2: its clusters are read from the parts. The same input gives the same bytes, whatever the machine, the time or the
---number of threads; ids and times are the caller's. An output appears by one rename, whole or not at all.
---
---Formats: GPT: UEFI specification 2.10, chapter 5. FAT32: Microsoft's FAT32 file system specification 1.03. QCOW2: QEMU's
---docs/interop/qcow2. ext4 (read only): the kernel's Documentation/filesystems/ext4. GUIDs: RFC 9562.
---
---```lua
---local digest = require "bq.digest"
---local of_content = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
---image.write {
---  output = "disk.qcow2",
---  format = "qcow2",
---  disk_guid = digest.uuid(of_content),
---  partitions = {
---    {
---      type = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
---      guid = digest.uuid(of_content:reverse()),
---      name = "EFI",
---      size = 64 * 1024 * 1024,
---      content = { fat32 = {
---        volume_id = 0x9f86d081,
---        mtime = 1700000000,
---        files = { { path = "/EFI/BOOT/BOOTX64.EFI", source = "vmlinuz" } },
---      } },
---    },
---  },
---}
---print(#image.read { path = "disk.qcow2", partition = "EFI", file = "/EFI/BOOT/BOOTX64.EFI" })
---```
---@class bq.image
local image = {}

---@class bq.image.FatFile
---@field path string absolute; one that ends in `/` is a folder, which needs saying only where it is empty
---@field source? string a file of the machine
---@field data? string the content itself, instead of `source`

---@class bq.image.Fat
---@field files bq.image.FatFile[] in any order: the bytes do not depend on it
---@field attributes? table<string, bq.archive.Attribute> by path: FAT keeps no owners, set-id bits or capabilities, so what says more than that root owns the file is refused
---@field volume_id integer 32 bits
---@field label? string up to 11 upper case letters, digits and spaces
---@field mtime integer of all files, seconds since 1970; FAT knows 1980 to 2107, in UTC here

---@class bq.image.FatImage: bq.image.Fat
---@field output string
---@field size integer bytes, whole sectors of 512; FAT32 needs 33 MiB

---@class bq.image.Written
---@field size integer bytes of the disk
---@field file_size integer bytes of the file, holes counted

---Writes a FAT32 file system to a file. Raises with `code` `collision` (two names that differ in case only), `too_large` (a file of 4 GiB, or no room), `argument` (a name that FAT forbids, or that is not UTF-8), `unsupported` (an attribute that FAT cannot keep), `missing` (one of no file) or an errno.
---@param options bq.image.FatImage
---@return bq.image.Written
function image.fat32(options) end

---@class bq.image.Partition
---@field type string GUID
---@field guid string GUID, of this partition
---@field name? string up to 36 characters
---@field start? integer bytes; the next whole MiB if absent
---@field size integer bytes
---@field content? { file: string } | { fat32: bq.image.Fat } zeros if absent; holes of a file are not read

---@class bq.image.Disk
---@field output string
---@field format "qcow2"|"raw" raw is sparse
---@field compression? "zlib"|"zstd" zlib if absent, which every reader of QCOW2 knows; zstd needs QEMU 5.1
---@field level? integer 1 to 9 for zlib, 9 if absent; 1 to 22 for zstd, 4 if absent
---@field threads? integer the number of cores if absent, at most 32; all have ended when this returns
---@field size? integer bytes of the disk; if absent, what the partitions need, in whole MiB
---@field disk_guid string
---@field partitions bq.image.Partition[]
---@field progress? fun(done: integer, total: integer) called now and then with bytes of the parts that hold data; what it raises ends the writing

---Writes a disk with a GUID partition table. Raises with `code` `argument` (a layout that cannot be, before anything is written), `too_large` (content larger than its partition), what `fat32` raises, or an errno such as `ENOSPC`.
---@param options bq.image.Disk
---@return bq.image.Written
function image.write(options) end

---@class bq.image.Grown the last partition of a disk, sizes in bytes
---@field index integer from 1
---@field name string
---@field start integer
---@field size integer
---@field changed boolean the table was changed

---Fits the partition table of a raw disk, or of a block device, to its size: the table's copy goes to the end, and the last partition
---takes the room, up to a whole MiB. Before the first header is written, the old table stays valid. Raises what `info` raises, `not_found` without
---a partition, or an errno.
---@param path string
---@return bq.image.Grown
function image.grow(path) end

---@class bq.image.PartitionInfo
---@field index integer from 1
---@field type string GUID
---@field guid string
---@field name string
---@field start integer bytes
---@field size integer bytes
---@field filesystem? "fat32"|"ext4"|"squashfs"|"erofs"|"fat" `fat`: one of the older ones
---@field label? string
---@field id? string a UUID, or FAT's `1234-ABCD`
---@field problem? string why this file system cannot be read; `label` and `id` are absent then

---@class bq.image.Info
---@field format "qcow2"|"raw"
---@field compression? "zlib"|"zstd" of a QCOW2
---@field size integer bytes of the disk
---@field disk_guid? string absent without a partition table
---@field partitions bq.image.PartitionInfo[] empty without a partition table
---@field filesystem? string of an image that is one file system, as are `label`, `id` and `problem`
---@field label? string
---@field id? string
---@field problem? string

---What an image is. Both copies of its partition table are checked; a file system that cannot be read (it is damaged, or was not
---unmounted) has a `problem`. Raises with `code` `format` (damaged), `truncated`, `unsupported` (a backing file, encryption, an unknown feature) or an errno.
---@param path string
---@return bq.image.Info
function image.info(path) end

---@class bq.image.File
---@field path string absolute
---@field type "file"|"dir"|"link"|"char"|"block"|"fifo"|"socket"|"unknown"
---@field size integer bytes of a file's content
---@field mtime integer seconds since 1970
---@field mode? integer permission bits, the set-id and sticky ones too; absent for FAT, as are `uid` and `gid`
---@field uid? integer
---@field gid? integer
---@field capabilities? string the value of the extended attribute `security.capability`, in hexadecimal digits
---@field target? string of a link

---All files below a folder of an image, sorted by path; FAT32 and ext4. Raises what `info` raises, and `not_found`.
---@param options { path: string, partition?: integer|string, folder?: string } partition: its index or name, needed where there are several; folder: `/` if absent
---@return bq.image.File[]
function image.list(options) end

---One file of an image, whole; links are followed inside the file system. Raises what `info` raises, and `too_large`.
---@param options { path: string, partition?: integer|string, file: string, max_bytes?: integer } max_bytes: 64 MiB if absent
---@return string? content `nil` if there is no such file
function image.read(options) end

return image
