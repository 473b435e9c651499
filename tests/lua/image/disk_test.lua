local check = require "check"
local disk = require "bq.image.disk"

local MIB <const> = 1 << 20

local function problems(layout)
  return table.concat(disk.problems(layout), "\n")
end

check.run {
  {
    "sizes",
    function()
      check.equal(disk.size "900M", 900 << 20)
      check.equal(disk.size "4g", 4 << 30)
      check.equal(disk.size "4GiB", 4 << 30)
      check.equal(disk.size "1025", 1024)
      for _, bad in ipairs { "", "0", "-1", "4X", "1.5G", "9999999T", "99999999999999999999", 4, true } do
        check.equal(disk.size(bad), nil, tostring(bad))
      end
    end,
  },
  {
    "nothing said is an EFI partition and a root",
    function()
      check.equal(disk.wish(), { label = "bq", root = "ext4", grow = false, slices = {} })
      check.equal(disk.fstab(disk.wish()), nil)
    end,
  },
  {
    "the rest is last, names come from mount points, and a mount point comes before those below it",
    function()
      local wish = disk.wish {
        size = "2G",
        swap = "100M",
        partitions = {
          { mount = "/srv/www", size = "rest", options = { "noatime", "nodev" } },
          { mount = "/srv", size = "64M" },
          { mount = "/card", size = "40M", filesystem = "fat32" },
        },
      }
      local names = {}
      for index, slice in ipairs(wish.slices) do
        names[index] = slice.name .. " " .. (slice.size and slice.size // MIB or "rest")
      end
      check.equal(names, { "swap 100", "srv 64", "CARD 40", "srv-www rest" })
      check.equal(
        disk.fstab(wish),
        [[
LABEL=swap none swap sw 0 0
LABEL=CARD /card vfat defaults 0 2
LABEL=srv /srv ext4 defaults 0 2
LABEL=srv-www /srv/www ext4 noatime,nodev 0 2
]]
      )
    end,
  },
  {
    "all mistakes are named at once",
    function()
      local said = problems {
        sise = "2G",
        label = "longer than 16 bytes",
        root = "xfs",
        grow = "yes",
        swap = "much",
        partitions = {
          { mount = "data", size = "1G" },
          { mount = "/usr", size = "1G" },
          { mount = "/a/../b", size = "1G" },
          { size = "1G", filesystem = "xfs" },
          { mount = "/x", size = "huge", option = {} },
          { mount = "/y", size = "1G", options = { "a b" } },
          5,
          { mount = "/z", size = "1G", owner = "a b", mode = "rwx" },
        },
      }
      for _, part in ipairs {
        "`disk.sise` is unknown; did you mean `size`?",
        "`disk.label` is not a text of letters",
        "`disk.root` is not ext4 or squashfs",
        "`disk.grow` is not true or false",
        "`disk.swap` is not a size",
        "`disk.partitions[1].mount` is not an absolute path",
        "`disk.partitions[2].mount` cannot be a partition of its own",
        "`disk.partitions[3].mount` is not an absolute path",
        "`disk.partitions[4].filesystem` is not ext4 or fat32",
        "`disk.partitions[4].mount` is missing",
        "`disk.partitions[5].option` is unknown; did you mean `options`?",
        "`disk.partitions[5].size` is not a size such as `900M`, or `rest`",
        "`disk.partitions[6].options` is not a list of options of mount(8)",
        "`disk.partitions[7]` is not a table",
        "`disk.partitions[8].owner` is not of the form `user:group`",
        "`disk.partitions[8].mode` is not a mode such as `0750`",
      } do
        check.contains(said, part)
      end
      check.contains(problems(5), "`disk` is not a table")
      check.contains(problems { partitions = { a = 1 } }, "`disk.partitions` is not a list")
    end,
  },
  {
    "what is right by itself and wrong together",
    function()
      local function one(more)
        local partition = { mount = "/data", size = "1G" }
        for name, value in pairs(more or {}) do
          partition[name] = value
        end
        return partition
      end
      for said, layout in pairs {
        ["the partitions of `disk` have 3072 MiB, the disk has 2048 MiB"] = {
          size = "2G",
          swap = "1G",
          partitions = { one(), one { mount = "/b" } },
        },
        ["`disk.partitions[2]` has the same mount point as `disk.partitions[1]`"] = {
          partitions = { one(), one { name = "b" } },
        },
        ["`disk.partitions[2]` has the same name as `disk.partitions[1]`"] = {
          partitions = { one(), one { mount = "/b", name = "data" } },
        },
        ["`disk.partitions[2]` takes the rest, and so does `disk.partitions[1]`"] = {
          size = "4G",
          partitions = { one { size = "rest" }, one { mount = "/b", size = "rest" } },
        },
        ["has an `owner` or a `mode`, and FAT keeps none"] = {
          partitions = { one { filesystem = "fat32", mode = "0700" } },
        },
        ["takes the rest, but `disk.size` is missing"] = { partitions = { one { size = "rest" } } },
        ["has the name `swap`, which another partition"] = { partitions = { one { name = "swap" } } },
        ["but a label of ext4 has at most 16 bytes"] = { partitions = { one { mount = "/srv/something/long" } } },
        ["but a label of fat32 has at most 11 bytes"] = {
          partitions = { one { mount = "/something-long", filesystem = "fat32" } },
        },
        ["has 8M, but fat32 needs at least 34M"] = { partitions = { one { size = "8M", filesystem = "fat32" } } },
        ["has the name `bq`, which is the label of the root"] = { partitions = { one { name = "bq" } } },
        ["is a fat32, which cannot grow"] = {
          size = "4G",
          grow = true,
          partitions = { one { size = "rest", name = "DATA", filesystem = "fat32" } },
        },
        ["is a squashfs, which cannot grow"] = { root = "squashfs", grow = true, partitions = { one() } },
      } do
        check.contains(problems(layout), said)
        check.contains(
          check.raises(function()
            disk.wish(layout)
          end),
          "the disk cannot be as it is described"
        )
      end
    end,
  },
}
