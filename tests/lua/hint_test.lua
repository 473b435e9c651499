local check = require "check"
local hints = require "bq.hint"

--- A native's error as far as hints look at it.
local function hint(call, code, path)
  return hints.of(call, { code = code, path = path })
end

check.run {
  {
    "what every machine would hint at",
    function()
      check.equal(hint("open_tree", "ENOSYS"), "the kernel is too old: bq needs Linux 5.12 or newer")
      check.equal(hint("move_mount", "ENOSYS"), "the kernel is too old: bq needs Linux 5.12 or newer")
      check.equal(hint("mount_setattr", "ENOSYS"), "the kernel is too old: bq needs Linux 5.12 or newer")
      check.equal(hint("mount", "ENODEV"), "the kernel has no overlay file system: `sudo modprobe overlay`")
      check.equal(hint("overlay", "ENODEV"), hint("mount", "ENODEV"))
      check.contains(hint("overlay", "EINVAL"), "`--workspace DIR`")
      check.contains(hint("map", "EROFS"), "`--security-opt systempaths=unconfined`")
      check.contains(hint("mount", "EPERM", "/proc"), "parts of /proc are masked here")
      check.contains(hint("dev", "EACCES"), "/dev is mounted `nodev` here")
    end,
  },
  {
    "what depends on the machine's settings",
    function()
      -- The settings of this machine may say more; without any, the errno alone does.
      check.truthy(hint("unshare", "ENOSPC"))
      check.truthy(hint("unshare", "EPERM"))
      check.truthy(hint("unshare", "EINVAL"))
    end,
  },
  {
    "where nothing is known, nothing is said",
    function()
      check.equal(hint("pivot_root", "EINVAL"), nil)
      check.equal(hint("mount", "ENOENT", "/x"), nil)
      check.equal(hints.of("unshare", "text"), nil)
      check.equal(hints.of("unshare", nil), nil)
    end,
  },
}
