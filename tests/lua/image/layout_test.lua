local check = require "check"
local image = require "bq.image"
local layout = require "bq.image.layout"

local MIB <const> = 1 << 20
local CONTENT <const> = ("0123456789abcdef"):rep(4)

local function place(change)
  local options = { digest = CONTENT, arch = "x86_64", kernel_size = 3 * MIB, root_size = 10 * MIB + 1 }
  for key, value in pairs(change or {}) do
    options[key] = value
  end
  return layout.new(options)
end

local function write(path, bytes)
  assert(io.open(path, "wb")):write(bytes):close()
end

check.run {
  {
    "ids follow from the content",
    function()
      local ids = layout.ids(CONTENT)
      check.equal(layout.ids(CONTENT), ids)
      local seen = {}
      for name, id in pairs(ids) do
        check.truthy(not seen[id], name)
        seen[id] = true
        check.truthy(layout.ids(CONTENT:reverse())[name] ~= id, name)
      end
    end,
  },
  {
    "partitions are aligned, and a given size goes to the root",
    function()
      local least = place()
      check.equal(least.root, { name = "root", start = 65 * MIB, size = 11 * MIB })
      check.equal(least.size, 77 * MIB)
      local large = place { size = 1024 * MIB + 512 }
      check.equal(large.root, { name = "root", start = 65 * MIB, size = 958 * MIB })
      check.equal(place({ kernel_size = 100 * MIB }).efi.size, 204 * MIB)
    end,
  },
  {
    "further partitions come before the one that takes the rest, and ids are their own",
    function()
      local function order(change)
        local options, lines = { slices = { { name = "a", size = 2 * MIB, filesystem = "ext4" } } }, {}
        for key, value in pairs(change) do
          options[key] = value
        end
        for index, one in ipairs(place(options).order) do
          lines[index] = ("%s %d+%d"):format(one.name, one.start // MIB, one.size // MIB)
        end
        return lines
      end
      check.equal(order {}, { "EFI 1+64", "a 65+2", "root 67+11" })
      check.equal(order { size = 100 * MIB }, { "EFI 1+64", "a 65+2", "root 67+32" })
      check.equal(order { size = 100 * MIB, root_fixed = true }, { "EFI 1+64", "a 65+2", "root 67+11" })
      local slices = { { name = "a", size = 2 * MIB, filesystem = "ext4" }, { name = "b", filesystem = "ext4" } }
      local rest = { slices = slices, size = 100 * MIB, needs = { b = 3 * MIB } }
      check.equal(order(rest), { "EFI 1+64", "root 65+11", "a 76+2", "b 78+21" })
      check.contains(
        check.raises(function()
          order { slices = slices, size = 80 * MIB, needs = { b = 3 * MIB } }
        end),
        "use `--size 82M` or more"
      )
      local seen = {}
      for _, name in ipairs { "a", "b" } do
        for _, id in pairs(layout.slice_ids(CONTENT, name)) do
          check.truthy(not seen[id])
          seen[id] = true
        end
      end
    end,
  },
  {
    "what cannot be says what can",
    function()
      check.contains(
        check.raises(function()
          place { size = 70 * MIB }
        end),
        "use `--size 77M` or more"
      )
      check.contains(
        check.raises(function()
          place { arch = "vax" }
        end),
        "`vax`"
      )
    end,
  },
  {
    "the disk is one that can be written and read",
    function()
      write("kernel", "MZ kernel")
      write("root", "root")
      for arch, loader in pairs { x86_64 = "BOOTX64.EFI", aarch64 = "BOOTAA64.EFI" } do
        local disk = layout.disk(place { arch = arch }, { kernel = "kernel", root = "root", mtime = 0 })
        disk.output, disk.format = "disk", "qcow2"
        check.equal(image.write(disk).size, 77 * MIB)
        local info = image.info "disk"
        check.equal(info.disk_guid, layout.ids(CONTENT).disk)
        check.equal(info.partitions[2].name, "root")
        local file = "/EFI/BOOT/" .. loader
        check.equal(image.read { path = "disk", partition = 1, file = file }, "MZ kernel")
      end
    end,
  },
  {
    "an ext4 has room for its tree",
    function()
      local tree = { bytes = 700 * MIB, entries = 30000 }
      local ext4 = layout.ext4(tree)
      check.truthy(ext4.inodes > tree.entries and ext4.size > tree.bytes + 30000 * 2048 + 64 * MIB)
      check.truthy(ext4.size < 1024 * MIB, ext4.size // MIB)
      check.equal(ext4.size % MIB, 0)
    end,
  },
}
