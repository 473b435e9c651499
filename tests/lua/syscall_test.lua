-- Calls of the kernel that need no namespace.
local check = require "check"
local files = require "bq.files"
local fs = require "bq.fs"
local syscall = require "bq.syscall"

check.run {
  {
    "nodes: a pipe, an empty file, and what an overlay takes for a removed path",
    function()
      syscall.umask(files.mode "022")
      syscall.mknod { path = "pipe", type = "fifo", mode = files.mode "660" }
      syscall.mknod { path = "file", type = "file" }
      syscall.mknod { path = "gone", type = "char", mode = 0 }
      local out = {}
      for index, name in ipairs { "pipe", "file", "gone" } do
        local stat = fs.lstat(name)
        out[index] = ("%s %o %d"):format(stat.type, stat.mode, stat.size)
      end
      check.equal(out, { "fifo 640 0", "file 644 0", "char 0 0" })
    end,
  },
  {
    "nodes that cannot be made",
    function()
      local err = check.raises(function()
        syscall.mknod { path = "file", type = "fifo" }
      end)
      check.equal({ err.op, err.path, err.code }, { "mknod", "file", "EEXIST" })
      check.raises(function()
        syscall.mknod { path = "x", type = "door" }
      end, "unknown type `door`, expected one of file, char, block, fifo")
      check.raises(function()
        syscall.mknod { path = "x", type = "char", device = 1 }
      end, "device")
      check.equal(fs.lstat "x", nil)
      if syscall.geteuid() ~= 0 then
        err = check.raises(function()
          syscall.mknod { path = "x", type = "char", major = 1, minor = 3 }
        end)
        check.equal(err.code, "EPERM")
      end
    end,
  },
}
