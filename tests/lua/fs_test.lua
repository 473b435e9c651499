local check = require "check"
local digest = require "bq.digest"
local fs = require "bq.fs"
local process = require "bq.process"
local scratch = require "scratch"

local function octal(text)
  return tonumber(text, 8)
end

--- A native's error with this code and path.
local function refused(code, path, body, ...)
  local arguments = table.pack(...)
  local err = check.raises(function()
    body(table.unpack(arguments, 1, arguments.n))
  end)
  check.equal({ err.code, err.path }, { code, path })
end

check.run {
  {
    "what is there, and what is not",
    function()
      scratch.write("a/file", "12345", octal "640")
      fs.symlink("file", "a/link")
      fs.symlink("gone", "a/dangling")
      local stat = fs.stat "a/file"
      check.equal({ stat.type, stat.size, stat.mode, stat.nlink }, { "file", 5, octal "640", 1 })
      check.equal({ fs.stat("a/link").type, fs.lstat("a/link").type, fs.stat("a").type }, { "file", "link", "dir" })
      check.equal(
        { fs.stat "none" == nil, fs.stat "a/file/below" == nil, fs.stat "a/dangling" == nil },
        { true, true, true }
      )
      check.equal(fs.lstat("a/dangling").type, "link")
      check.equal(
        { fs.readlink "a/link", fs.readlink "a/file" == nil, fs.readlink "none" == nil },
        { "file", true, true }
      )
      check.equal(fs.realpath "a/../a/link", fs.cwd() .. "/a/file")
    end,
  },
  {
    "a stranger's file: no links, no pipes, not too much",
    function()
      scratch.write("strange/file", "12345")
      fs.symlink("file", "strange/link")
      check.truthy(process.run({ argv = { "mkfifo", "strange/pipe" } }).ok)
      check.equal(fs.read("strange/file", { nofollow = true, limit = 5 }), "12345")
      check.equal(fs.read("strange/link", { limit = 5 }), "12345")
      check.equal(fs.read "strange/link", "12345")
      refused("limit", "strange/file", fs.read, "strange/file", { limit = 4 })
      refused("ELOOP", "strange/link", fs.read, "strange/link", { nofollow = true })
      refused("type", "strange/pipe", fs.read, "strange/pipe", { nofollow = true })
      refused("type", "strange", fs.read, "strange", { limit = 9 })
      refused("type", "/dev/zero", fs.read, "/dev/zero", { limit = 9 })
      refused("ENOENT", "strange/none", fs.read, "strange/none", { nofollow = true })
      check.raises(function()
        fs.read("strange/file", { no_follow = true })
      end, "no_follow")
      fs.remove_all "strange"
    end,
  },
  {
    "folders are listed and walked by byte",
    function()
      for _, name in ipairs { "w/b/2", "w/b/10", "w/a", "w/B", "w/b.c" } do
        scratch.write(name, name)
      end
      check.equal(fs.list "w", { "B", "a", "b", "b.c" })
      local paths = {}
      for index, entry in ipairs(fs.walk "w") do
        paths[index] = entry.path .. ":" .. entry.type
      end
      check.equal(paths, { "B:file", "a:file", "b:dir", "b/10:file", "b/2:file", "b.c:file" })
      fs.symlink("b", "w/link")
      check.equal(#fs.walk "w", 7)
      refused("ENOENT", "none", fs.list, "none")
      refused("ENOTDIR", "w/a", fs.list, "w/a")
    end,
  },
  {
    "names are bytes",
    function()
      local name = "n/\xff \n\u{fc}"
      scratch.write(name, "x")
      check.equal(fs.read(name), "x")
      check.truthy(fs.list("n")[1] == "\xff \n\u{fc}")
      check.raises(function()
        fs.read "a\0b"
      end, "zero byte")
    end,
  },
  {
    "write is whole or not at all",
    function()
      fs.write("file", "old", { mode = octal "600" })
      local before = fs.stat("file").ino
      fs.write("file", "new \0 bytes")
      check.equal({ fs.read "file", fs.stat("file").mode }, { "new \0 bytes", octal "644" })
      check.truthy(fs.stat("file").ino ~= before)
      fs.mkdir "folder"
      refused("EISDIR", "folder", fs.write, "folder", "x")
      refused("ENOENT", "none/file", fs.write, "none/file", "x")
      check.equal(fs.list "folder", {})
      -- No temporary file stays behind.
      for _, name in ipairs(fs.list ".") do
        check.truthy(({ a = 1, w = 1, n = 1, file = 1, folder = 1 })[name], name)
      end
    end,
  },
  {
    "append adds",
    function()
      fs.append("log", "a\n")
      fs.append("log", "b\n")
      check.equal(fs.read "log", "a\nb\n")
    end,
  },
  {
    "folders are made with those above, and with a mode",
    function()
      fs.mkdir "m/a/b"
      fs.mkdir "m/a/b"
      fs.mkdir("m/c", octal "700")
      check.equal(fs.stat("m/c").mode, octal "700")
      refused("EEXIST", "file", fs.mkdir, "file")
      local one, two = fs.mkdtemp "m/t-", fs.mkdtemp "m/t-"
      check.truthy(one ~= two and one:find "^m/t%-" and fs.stat(one).type == "dir")
      check.equal(fs.stat(one).mode, octal "700")
    end,
  },
  {
    "one thing is removed, or a tree",
    function()
      scratch.write("r/a/b", "x")
      check.equal(
        { fs.remove "r/none", fs.remove "r/a/b", fs.remove "r/a", fs.remove_all "r", fs.remove_all "r" },
        { false, true, true, true, false }
      )
      scratch.write("r/a", "x")
      refused("ENOTEMPTY", "r", fs.remove, "r")
    end,
  },
  {
    "a tree is removed also where modes forbid it, and links in it lead nowhere else",
    function()
      scratch.write("keep/file", "x")
      scratch.write("tree/closed/deep/file", "x")
      fs.symlink(fs.cwd() .. "/keep", "tree/link")
      fs.symlink(fs.cwd() .. "/keep", "link")
      fs.chmod("tree/closed/deep", 0)
      fs.chmod("tree/closed", octal "500")
      check.truthy(fs.remove_all "tree")
      check.equal(fs.lstat "tree", nil)
      check.truthy(fs.remove_all "link")
      check.equal(fs.read "keep/file", "x")
    end,
  },
  {
    "trees are copied with modes, times and links",
    function()
      scratch.write("from/a", "1", octal "755")
      scratch.write("from/sub/b", "2")
      fs.symlink("../a", "from/sub/link")
      fs.utime("from/a", 1000)
      fs.utime("from/sub", 2000)
      fs.copy("from", "to")
      check.equal({ fs.read "to/a", fs.stat("to/a").mode, fs.stat("to/a").mtime }, { "1", octal "755", 1000 })
      check.equal({ fs.readlink "to/sub/link", fs.stat("to/sub").mtime }, { "../a", 2000 })
      fs.copy("from/a", "one")
      check.equal({ fs.read "one", fs.stat("one").mode }, { "1", octal "755" })
      check.raises(function()
        fs.copy("from", "to")
      end)
      fs.copy("from", "linked", { hardlink = true })
      check.equal(fs.stat("linked/a").ino, fs.stat("from/a").ino)
    end,
  },
  {
    "a tree is copied over another as an overlay would show both",
    function()
      scratch.write("low/both/same", "low", octal "600")
      scratch.write("low/both/only-low", "low")
      scratch.write("low/file", "low")
      scratch.write("low/was-folder/deep/x", "low")
      fs.symlink("both", "low/link-to-folder")
      fs.symlink("low", "low/link")
      fs.symlink(fs.cwd() .. "/outside", "low/leads-out")
      scratch.write("outside/kept", "kept")
      scratch.write("high/both/same", "high", octal "755")
      scratch.write("high/both/only-high", "high")
      scratch.write("high/file/x", "high")
      scratch.write("high/was-folder", "high")
      scratch.write("high/link-to-folder/x", "high")
      scratch.write("high/leads-out/kept", "high")
      fs.symlink("high", "high/link")
      fs.link("high/both/same", "high/both/twin")
      fs.chmod("low/both", octal "500")
      fs.chmod("high/both", octal "711")
      fs.utime("high/both", 4000)
      fs.copy("low", "joined", { merge = true })
      fs.copy("high", "joined", { merge = true })
      check.equal({ fs.read "joined/both/same", fs.stat("joined/both/same").mode }, { "high", octal "755" })
      check.equal({ fs.read "joined/both/only-low", fs.read "joined/both/only-high" }, { "low", "high" })
      check.equal({ fs.stat("joined/both").mode, fs.stat("joined/both").mtime }, { octal "711", 4000 })
      check.equal(
        { fs.read "joined/file/x", fs.read "joined/was-folder", fs.readlink "joined/link" },
        { "high", "high", "high" }
      )
      -- A link to a folder is replaced, and not followed.
      check.equal({ fs.lstat("joined/link-to-folder").type, fs.list "joined/link-to-folder" }, { "dir", { "x" } })
      check.equal({ fs.read "joined/leads-out/kept", fs.read "outside/kept" }, { "high", "kept" })
      check.equal(fs.stat("joined/both/same").ino, fs.stat("joined/both/twin").ino)
      check.truthy(fs.stat("joined/both/same").ino ~= fs.stat("high/both/same").ino)
      -- Once more changes nothing.
      local before = digest.tree "joined"
      fs.copy("high", "joined", { merge = true })
      check.equal(digest.tree "joined", before)
      fs.copy("high/link", "joined/link-to-folder", { merge = true })
      check.equal(fs.readlink "joined/link-to-folder", "high")
      fs.chmod("low/both", octal "700")
    end,
  },
  {
    "paths of the source are left out of a copy",
    function()
      local base = fs.cwd() .. "/skipping"
      for _, name in ipairs { "a/b/c", "a/b2", "d", "\xff/x" } do
        scratch.write("skipping/" .. name, "x")
      end
      fs.copy(base, "skipped", { skip = { base .. "/a/b", base .. "//d", base .. "/\xff", "/none" } })
      local paths = {}
      for index, entry in ipairs(fs.walk "skipped") do
        paths[index] = entry.path
      end
      check.equal(paths, { "a", "a/b2" })
      check.raises(function()
        fs.copy(base, "other", { skip = base })
      end)
      check.raises(function()
        fs.copy(base, "other", { skip = { "a\0b" } })
      end, "zero byte")
      check.equal(fs.lstat "other", nil)
    end,
  },
  {
    "a walk that fails has the kernel's code and the path",
    function()
      scratch.write("w/file", "x")
      refused("ENOENT", "w/none", fs.walk, "w/none")
      refused("ENOENT", "w/none", digest.tree, "w/none")
      refused("ENOTDIR", "w/file/below", fs.walk, "w/file/below")
      fs.symlink("loop", "w/loop")
      refused("ELOOP", "w/loop/x", fs.walk, "w/loop/x")
    end,
  },
  {
    "times of files and of links themselves",
    function()
      scratch.write("t/file", "x")
      fs.symlink("file", "t/link")
      fs.utime("t/link", 77)
      fs.utime("t/file", 99)
      check.equal({ fs.lstat("t/link").mtime, fs.stat("t/link").mtime }, { 77, 99 })
      check.equal({ fs.lstat("t/link").mtime_ns // 1000000000, fs.stat("t/link").mtime_ns // 1000000000 }, { 77, 99 })
    end,
  },
  {
    "a lock is held by one, or shared",
    function()
      local fd = fs.lock "lock"
      check.truthy(fd)
      check.equal({ fs.lock "lock" == nil, fs.lock("lock", { shared = true }) == nil }, { true, true })
      fs.unlock(fd)
      local one, two = fs.lock("lock", { shared = true }), fs.lock("lock", { shared = true })
      check.truthy(one and two)
      check.equal(fs.lock "lock", nil)
      fs.unlock(one)
      fs.unlock(two)
      fs.unlock(fs.lock "lock")
    end,
  },
  {
    "a lock is on the file that is named, not on what a link leads to",
    function()
      fs.write("other", "kept")
      fs.symlink("other", "link.lock")
      fs.symlink("none", "loose.lock")
      for _, name in ipairs { "link.lock", "loose.lock" } do
        local err = check.raises(function()
          fs.lock(name)
        end)
        check.equal({ err.op, err.code }, { "open", "ELOOP" })
      end
      check.equal({ fs.read "other", fs.lstat "none" }, { "kept" })
    end,
  },
  {
    "only a lock can be unlocked, and once",
    function()
      for _, other in ipairs { -1, 0, 99, "lock" } do
        local err = check.raises(function()
          fs.unlock(other)
        end, "expected a descriptor")
        check.equal(err.code, "argument")
      end
      local lock = fs.lock "lock"
      fs.unlock(lock)
      local err = check.raises(function()
        fs.unlock(lock)
      end)
      check.equal(err.code, "EBADF")
      -- A lock that nothing refers to is free.
      check.truthy(fs.lock "lock")
      collectgarbage()
      do
        local held <close> = fs.lock "lock"
        check.equal({ held ~= nil, fs.lock "lock" == nil }, { true, true })
      end
      fs.unlock(fs.lock "lock")
    end,
  },
  {
    "unknown options are refused",
    function()
      check.raises(function()
        fs.write("x", "y", { mod = 1 })
      end, "mod")
      check.equal(fs.stat "x", nil)
    end,
  },
  {
    "space, sync, rename, link",
    function()
      local space = fs.space "."
      ---@diagnostic disable-next-line: undefined-field -- the checker takes the name `readonly` for a word of its own
      check.truthy(space.total > 0 and space.free <= space.total and space.readonly == false)
      fs.sync "file"
      fs.sync "."
      scratch.write("x1", "1")
      scratch.write("x2", "2")
      fs.rename("x1", "x2")
      check.equal({ fs.read "x2", fs.stat "x1" == nil }, { "1", true })
      fs.link("x2", "x3")
      check.equal(fs.stat("x3").nlink, 2)
    end,
  },
}
