local check = require "check"
local content = require "bq.image.content"
local fs = require "bq.fs"
local scratch = require "scratch"
local union = require "bq.stage.union"

local function parts()
  scratch.write("low/usr/sbin/init", "low")
  scratch.write("low/etc/name", "low")
  fs.mkdir "low/usr/bin"
  fs.symlink("usr/sbin", "low/sbin")
  fs.symlink("/usr/bin", "low/bin")
  scratch.write("high/etc/name", "higher")
  scratch.write("high/boot/vmlinuz", "kernel")
  scratch.write("one", "1")
  return {
    { path = "low", package = "low 1", yields = { "/etc/name" } },
    { path = "high", package = "high 1", leave_out = { "/boot/vmlinuz" } },
    { path = "one", prefix = "var/one", package = "one 1" },
  }
end

local tree = union.of(parts())

check.run {
  {
    "what is found is that of the part that has it, and nothing that is left out",
    function()
      check.equal(content.read(tree, "/etc/name"), "higher")
      check.equal(content.find(tree, "/boot/vmlinuz"), nil)
      check.equal(content.find(tree, "/boot").type, "dir")
      check.equal(content.read(tree, "/var/one"), "1")
      check.equal(tree.bytes, #"low" + #"higher" + #"1")
    end,
  },
  {
    "links are followed inside the tree",
    function()
      check.equal(content.read(tree, "/sbin/init"), "low")
      check.equal(content.read(tree, "/sbin/../../etc/./name"), "higher")
      check.equal(content.read(tree, "/sbin/../sbin/init"), "low")
      check.equal(content.find(tree, "/bin").type, "dir")
      check.equal(content.find(tree, "/bin/init"), nil)
      fs.mkdir "circle"
      fs.symlink("b", "circle/a")
      fs.symlink("a", "circle/b")
      check.equal(content.find(union.of { { path = "circle", package = "circle 1" } }, "/a/x"), nil)
    end,
  },
  {
    "a rootfs without an init is refused, and one whose init leads nowhere",
    function()
      content.require_init(tree)
      check.contains(
        check.raises(function()
          content.require_init(union.of { { path = "high", package = "high 1" } })
        end),
        "no `/sbin/init`"
      )
      fs.mkdir "broken/sbin"
      fs.symlink("busybox", "broken/sbin/init")
      check.contains(
        check.raises(function()
          content.require_init(union.of { { path = "broken", package = "broken 1" } })
        end),
        "no `/sbin/init`"
      )
    end,
  },
  {
    "sizes by package, the largest first",
    function()
      check.equal(content.by_package(tree), {
        { name = "high 1", bytes = 6, files = 1 },
        { name = "low 1", bytes = 3, files = 3 },
        { name = "one 1", bytes = 1, files = 1 },
      })
    end,
  },
}
