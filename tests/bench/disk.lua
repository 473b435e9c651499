-- What is measured of disks: making one, and booting it.
local builds = require "builds"
local fail = require "bq.fail"
local fs = require "bq.fs"
local process = require "bq.process"
local state = require "bq.run.state"

local disk = {}

local run <const>, shell <const> = builds.run, builds.shell

--- Whether the workspace has what a disk is made of.
local function has_kernel(space)
  local plan = fs.stat(space:at "plan.json") and space:plan()
  for _, step in ipairs(plan and plan.steps or {}) do
    if step.phase == "image" then
      return true
    end
  end
  return false
end

--- The kernel of the plan's disks.
local function kernel_of(space)
  local build = state.look(space, space:plan())
  for _, output in ipairs(build:phase_outputs "image") do
    if fs.stat(output .. "/boot/vmlinuz") then
      return output .. "/boot/vmlinuz"
    end
  end
  fail.raise("the benchmark has no kernel", { hint = "build it: `bq scripts/coordinator.lua`" })
end

--- A disk with the staged rootfs on it. The usual tools make a file system only, but of the same files and the kernel.
---@param space bq.Workspace
---@param scratch string
---@return fun(): table
function disk.writing(space, scratch)
  local data, out = scratch .. "/disk", scratch .. "/out"
  local kernel
  return function()
    return {
      data = has_kernel(space) and data or nil,
      tools = { "mke2fs", "qemu-img" },
      max_memory = 200,
      size_of = out,
      within = 1.0,
      prepare = function()
        kernel = kernel_of(space)
        fs.copy(space:rootfs(), data, { hardlink = true })
        fs.mkdir(data .. "/usr/sbin")
        fs.write(data .. "/usr/sbin/init", "", { sync = false })
      end,
      ours = function()
        return run { process.executable(), "build_qcow2", "--workspace", space.path, "--rootfs", data, "--output", out }
      end,
      theirs = function()
        shell(
          scratch,
          'cp "$3" "$1/boot/vmlinuz" && mke2fs -q -t ext4 -d "$1" "$2.raw" 1536M && qemu-img convert -c -m 2 -O qcow2 "$2.raw" "$2" && rm "$2.raw" "$1/boot/vmlinuz"',
          data,
          out,
          kernel
        )
      end,
    }
  end
end

-- $1 our disk, $2 the folder to work in: the same kernel and files, by the usual tools.
local THE_SAME_BY_TOOLS <const> = [[
cd "$2"
qemu-img convert -O raw "$1" ours.raw
sectors=$(($(stat -c %s ours.raw) / 512))
part() { sgdisk -i "$1" ours.raw | sed -n "s/^$2: \([^ ]*\).*/\1/p"; }
start=$(part 2 'First sector') last=$(part 2 'Last sector') type=$(part 2 'Partition GUID code')
efi_start=$(part 1 'First sector') efi_last=$(part 1 'Last sector')
dd if=ours.raw of=efi.raw bs=512 skip="$efi_start" count=$((efi_last - efi_start + 1)) status=none
dd if=ours.raw of=root.raw bs=512 skip="$start" count=$((last - start + 1)) status=none
mkdir root kernel
debugfs -R 'rdump / root' root.raw 2>debugfs.log
mcopy -s -i efi.raw ::EFI kernel
truncate -s "$((sectors * 512))" theirs.raw
sgdisk -n "1:$efi_start:$efi_last" -t 1:ef00 -c 1:EFI -n "2:$start:$last" -t "2:$type" -c 2:root theirs.raw
truncate -s "$(((efi_last - efi_start + 1) * 512))" efi2.raw
mkfs.fat -F 32 efi2.raw
mcopy -s -i efi2.raw kernel/EFI ::
mke2fs -q -t ext4 -d root root2.raw "$(((last - start + 1) / 2))k"
dd if=efi2.raw of=theirs.raw bs=512 seek="$efi_start" conv=notrunc status=none
dd if=root2.raw of=theirs.raw bs=512 seek="$start" conv=notrunc,sparse status=none
qemu-img convert -c -O qcow2 theirs.raw theirs.qcow2
rm -rf -- *.raw root kernel
]]

--- A disk of the plan's own small root, booted to its shell, beside one of the same kernel and files.
---@param space bq.Workspace
---@param scratch string
---@return fun(): table
function disk.booting(space, scratch)
  local folder = scratch .. "/boot"
  local function boot(name)
    return function()
      -- stylua: ignore
      run {
        process.executable(), "boot", ("%s/%s.qcow2"):format(folder, name), "--emulate", "--wait-for", "~#",
        "--serial", folder .. "/serial",
      }
    end
  end
  return function()
    return {
      data = has_kernel(space) and folder or nil,
      tools = { "qemu-img", "sgdisk", "debugfs", "mke2fs", "mkfs.fat", "mcopy", "sed" },
      prepare = function()
        fs.mkdir(folder)
        run { process.executable(), "build_qcow2", "--workspace", space.path, "--output", folder .. "/ours.qcow2" }
        shell(scratch, THE_SAME_BY_TOOLS, folder .. "/ours.qcow2", folder)
      end,
      ours = boot "ours",
      theirs = boot "theirs",
    }
  end
end

return disk
