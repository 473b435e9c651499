---@meta

-- What a system says of the image that is made of it: what `bq.image.disk` checks and `bq scripts/build_qcow2.lua` takes from
-- the field `image` of a plan. `docs/guide.md` tells what each field means. Sizes are texts: `512M`, `4G`.

---What an image is to be, beside its files.
---@class bq.ImageSpec
---@field disk? bq.DiskLayout of formats that are disks
---@field container? bq.ContainerConfig of format `oci`
---@field command_line? string what the kernel is told, after its built-in command line

---A disk. All fields may be absent: then it has an EFI partition and a root.
---@class bq.DiskLayout
---@field size? string of the disk; what its content needs, and some room, if absent
---@field label? string of the root file system, up to 16 bytes; `bq` if absent
---@field root? "ext4"|"squashfs" ext4 if absent; squashfs is packed and only read, what is written goes to memory
---@field root_size? string of the root's partition; if absent, what it needs and some room, or all that the others leave
---@field swap? string the size of a swap partition
---@field grow? boolean at boot, the last partition grows to the end of the disk; `false` if absent
---@field partitions? bq.DiskPartition[] after the EFI partition and the root

---A partition. The files that the system has below its mount point are on it. Its name is its label.
---@class bq.DiskPartition
---@field mount string where it is mounted: `/data`
---@field size string `rest`: all that the others leave; one at most
---@field name? string of the partition, and the label of its file system; from `mount` if absent: `data`
---@field filesystem? "ext4"|"fat32" ext4 if absent
---@field options? string[] of mount(8): `{ "noatime", "nodev" }`
---@field owner? string of its top folder: `user:group`, names of the system or numbers; root if absent
---@field mode? string of its top folder: `0750`; `0755` if absent

---What a container runtime is told. Absent fields are those of a shell.
---@class bq.ContainerConfig
---@field entrypoint? string[] the program that is run, and its first arguments
---@field command? string[] the program, or further arguments of the entry point, which a user may replace; a shell if there is no entry point
---@field environment? table<string, string>
---@field user? string `name`, `uid` or `uid:gid`; root if absent
---@field folder? string where it starts; `/` if absent
---@field ports? string[] `80/tcp`
---@field volumes? string[] folders whose content is kept apart from the container
---@field labels? table<string, string>
---@field stop_signal? string `SIGTERM`
