-- The live view as people see it, on three sizes of a terminal.
local check = require "check"
local view = require "bq.run.view"

local RUNNING <const> = {
  {
    id = "sysroot/llvm-runtimes",
    verb = "build",
    seconds = 200.4,
    line = "[ 45%] Building CXX object libcxx/src/CMakeFiles/cxx_static.dir/algorithm.cpp.o",
    behind = 12,
  },
  { id = "sysroot/zlib", verb = "configure", seconds = 4.12, line = "checking for gcc... clang", behind = 0 },
  { id = "sysroot/make", verb = "unpack", seconds = 0.3, line = "", behind = 0 },
}

local function shown(more)
  local out = {
    done = 12,
    total = 40,
    failed = 0,
    part = 0.31,
    left = 252,
    used = 3,
    jobs = 4,
    free = 41234567890,
    running = RUNNING,
    waiting = {
      { id = "sysroot/compiler-rt", needs = { "sysroot/llvm-runtimes" } },
      { id = "rootfs/musl", needs = { "sysroot/zlib", "7 steps of sysroot" } },
      { id = "rootfs/busybox", needs = { "rootfs/musl" } },
    },
    others = 22,
    removing = false,
  }
  for name, value in pairs(more or {}) do
    out[name] = value
  end
  return out
end

--- The lines as a terminal of this width shows them.
local function cut(lines, columns)
  for index, line in ipairs(lines) do
    lines[index] = utf8.len(line) > columns - 1 and line:sub(1, utf8.offset(line, columns - 1) - 1) .. "…" or line
  end
  return table.concat(lines, "\n")
end

check.run {
  {
    "what is left, and what is only the least",
    function()
      check.equal(view.left { left = 252 }, "about 4 min left")
      check.equal(view.left { left = 252, is_least = true }, "over 4 min left")
      check.equal(view.left { left = 2 }, "a few seconds left")
      check.equal(view.left { left = 2, is_least = true }, nil)
      check.equal(view.left {}, nil)
    end,
  },
  {
    "80 columns and 24 rows",
    function()
      local lines = view.lines(shown(), { rows = 24, columns = 80, color = false })
      check.equal(
        cut(lines, 80),
        [[
12 of 40 steps  [===========>                        ]  31 %  about 4 min left
3 of 4 jobs · 41.2 GB free
  sysroot/llvm-runtimes  build     3 min 20 s  [ 45%] Building CXX object libc…
  sysroot/zlib           configure 4.1 s       checking for gcc... clang
  sysroot/make           unpack    0.3 s
  sysroot/compiler-rt    waits for sysroot/llvm-runtimes
  rootfs/musl            waits for sysroot/zlib, 7 steps of sysroot · 23 more]]
      )
    end,
  },
  {
    "200 columns and 50 rows say what waits for a step, and name three that wait",
    function()
      local lines = view.lines(shown { failed = 1, removing = true }, { rows = 50, columns = 200, color = false })
      check.equal(
        cut(lines, 200),
        [[
12 of 40 steps  [==================>                                         ]  31 %  about 4 min left
3 of 4 jobs · 41.2 GB free · 1 failed
  sysroot/llvm-runtimes  build     3 min 20 s  12 wait for it  [ 45%] Building CXX object libcxx/src/CMakeFiles/cxx_static.dir/algorithm.cpp.o
  sysroot/zlib           configure 4.1 s       checking for gcc... clang
  sysroot/make           unpack    0.3 s
  removing build trees of steps that are done
  sysroot/compiler-rt    waits for sysroot/llvm-runtimes
  rootfs/musl            waits for sysroot/zlib, 7 steps of sysroot
  rootfs/busybox         waits for rootfs/musl · 22 more]]
      )
    end,
  },
  {
    "ten rows name what runs longest",
    function()
      local lines = view.lines(shown(), { rows = 10, columns = 60, color = false })
      check.equal(
        cut(lines, 60),
        [[
12 of 40 steps  [====>           ]  31 %  about 4 min left
3 of 4 jobs · 41.2 GB free
  sysroot/llvm-runtim…  build     3 min 20 s  [ 45%] Build…
  and 2 more run
  sysroot/compiler-rt   waits for sysroot/llvm-runtimes · …]]
      )
    end,
  },
  {
    "colours go around words and change nothing else",
    function()
      local plain = view.lines(shown { failed = 1 }, { rows = 24, columns = 80, color = false })
      local colored = view.lines(shown { failed = 1 }, { rows = 24, columns = 80, color = true })
      check.truthy(table.concat(colored):find("\27[1;31m1 failed\27[0m", 1, true))
      check.equal((table.concat(colored, "\n"):gsub("\27%[[%d;]*m", "")), table.concat(plain, "\n"))
    end,
  },
  {
    "a time is known about",
    function()
      local out = {}
      for index, seconds in ipairs { 0, 4.9, 7, 32, 57, 58, 252, 3560, 3600, 8000 } do
        out[index] = view.about(seconds)
      end
      check.equal(out, {
        "a few seconds",
        "a few seconds",
        "about 5 s",
        "about 30 s",
        "about 55 s",
        "about 1 min",
        "about 4 min",
        "about 59 min",
        "about 1 h 0 min",
        "about 2 h 15 min",
      })
    end,
  },
}
