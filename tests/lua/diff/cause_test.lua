-- Guesses at why two texts, modes or lists differ.
local cause = require "bq.diff.cause"
local check = require "check"
local instructions = require "bq.diff.instructions"
local sequence = require "bq.diff.sequence"

local function names(a, b)
  local out = {}
  for _, one in ipairs(cause.of(a, b)) do
    check.truthy(not one.sure, "a guess is no certainty")
    out[#out + 1] = one.name
  end
  return table.concat(out, " + ")
end

---@type [string, string, string][]
local PAIRS <const> = {
  { "2026-11-26T10:00:00Z", "2026-11-27T11:12:13Z", "a time" },
  { "built Nov 26 2026 10:00:00", "built Dec  1 2026 09:01:02", "a time" },
  { "date: 26/11/2026", "date: 27/11/2026", "a time" },
  { "#define EPOCH 1790000000", "#define EPOCH 1790086400", "a time" },
  { "build-20261126.1", "build-20261127.1", "a time" },
  { "done in 3.21s", "done in 14.0s", "a time" },
  { "Copyright 2025 by us", "Copyright 2026 by us", "a time" },
  { "at 22:06:46 +0000", "at 23:06:46 +0100", "a time zone" },
  { "at 22:06:46 UTC", "at 14:06:46 PST", "a time zone" },
  { "at 22:06:46 UTC", "at 22:09:46 UTC", "a time" },
  { "at 22:06:46 +0000", "at 03:36:46 +0530", "a time zone" },
  { "2026-11-26 22:06+0000", "2026-11-27 03:51+0545", "a time zone" },
  { "at 22:06:46 +0000", "at 22:36:46 +0100", "a time" },
  { "/build/one/src/x.c:12", "/tmp/two/src/x.c:12", "a path" },
  { "PATH=/bin:/usr/bin", "PATH=/opt/x/bin:/bin:/usr/bin", "a path" },
  { "-I/build/one -O2", "-I/other/two -O2", "a path" },
  { "/home/ann/src/x.c", "/home/bob/src/x.c", "a user + a path" },
  { "root@one", "ann@one", "a user" },
  { "root@one", "root@two", "a host's name" },
  { "Built-By: ann", "Built-By: root", "a user" },
  { '"user": "ann"', '"user": "root"', "a user" },
  { "Hostname: ci-7.example.org", "Hostname: laptop", "a host's name" },
  { "Linux 6.1.0-13-amd64", "Linux 6.12.5-200.fc41", "the running kernel" },
  { "made by doxygen 1.9.4", "made by doxygen 1.9.8", "a version of a tool or package" },
  { "clang version 18", "clang version 19", "a version of a tool or package" },
  {
    "/usr/lib/gcc/x86_64-linux-gnu/13/include",
    "/usr/lib/gcc/x86_64-linux-gnu/14/include",
    "a version of a tool or package",
  },
  { "GNU C17 -march=x86-64 -O2", "GNU C17 -march=znver3 -O2", "a processor's feature (-march)" },
  { "GNU C17 -O2 -g", "GNU C17 -O3 -g -fPIC", "options of the compiler" },
  { "'-O2' '-flto' '-fPIC'", "'-O3' '-fPIC'", "options of the compiler" },
  { "make -j4 all", "make -j16 all", "the number of processors" },
  { "threads=4", "threads=16", "the number of processors" },
  { "pid 4711", "pid 12", "the number of a process" },
  { "LANG=en_US.UTF-8", "LANG=C", "a locale" },
  { "3.14 of 1,234", "3,14 of 1.234", "a locale" },
  { "Größe", "Gr\xf6\xdfe", "a locale" },
  { "a b c", "c a b", "an order" },
  { "{'x': 1, 'y': 2}", "{'y': 2, 'x': 1}", "an order" },
  {
    "id=24dc1393-becb-4d66-989a-2aca9cc0958d",
    "id=655a19b7-1cdd-4971-8e52-f50bdaeedadf",
    "a random identifier, or a digest",
  },
  { "build-3fa9c1d2", "build-98b07aa1", "a random identifier, or a digest" },
  { "nonce: Zk3lPq9sT0aB7xYu", "nonce: aK4mLo8rS1bC6wXv", "a random identifier, or a digest" },
  { "at 0x7ffd12345678", "at 0x7ffe99887766", "an address in memory" },
  { "-rw-r--r-- 1 root root 5 x", "-rw-rw-r-- 1 root root 5 x", "a umask" },
  { "-rw-r--r-- 1 root root 5 x", "-rw-r--r-- 1 ann staff 5 x", "a user" },
  { "mode=644", "mode=664", "a umask" },
  { "libz.so.1", "libz.so.2", "a version of a tool or package" },
  { "/usr/lib/x", "../lib/x", "a path" },
  { '.TH X 1 "November 2026"', '.TH X 1 "December 2026"', "a time" },
  { "/CreationDate (D:20261126220646Z)", "/CreationDate (D:20261127220646Z)", "a time" },
  { "a b", "a b\r", "the ends of lines (CR LF)" },
  { "/tmp/cc4Zx9Qa.o", "/tmp/ccPq0Lmn.o", "a temporary name" },
  { "ccGUzexH.c", "ccM5V1Nn.c", "a temporary name" },
  { "/tmp/build.4711/x", "/tmp/build.12/x", "a temporary name" },
  { "/tmp/tmpab12cd34/x.c", "/tmp/tmpzz98yy76/x.c", "a temporary name" },
  { "/tmp/one/x.c", "/tmp/two/x.c", "a path" },
  { "ccache.h", "ccoded.h", "" },
  { ".gnu.lto_f.1.62e640483cb85b5a", ".gnu.lto_f.1.43714f4e9f557bc3", "a random identifier, or a digest" },
  { "a  b", "a b\r", "white space, or the ends of lines" },
  { "2026-11-26 in /build/a/x", "2026-11-27 in /build/b/x", "a time + a path" },
  { "by ann at 10:00:00", "by bob at 11:00:01", "a time + a user" },
  -- What nothing is known of.
  { "hello", "world", "" },
  { "count 12", "count 13", "" },
  { "at 0x7ffd1234", "at 0x7ffe9999", "" },
  { "", "a new line", "" },
}

--- Whether hunks turn one list into another.
local function applied(a, hunks)
  local out, at = {}, 1
  for _, hunk in ipairs(hunks) do
    while at < hunk.a_first do
      out[#out + 1] = a[at]
      at = at + 1
    end
    for index, line in ipairs(hunk.removed) do
      check.equal(a[at + index - 1], line)
    end
    at = at + #hunk.removed
    table.move(hunk.added, 1, #hunk.added, #out + 1, out)
  end
  return table.move(a, at, #a, #out + 1, out)
end

check.run {
  {
    "pairs of texts",
    function()
      for _, one in ipairs(PAIRS) do
        check.equal(names(one[1], one[2]), one[3], one[1] .. " | " .. one[2])
        check.equal(names(one[2], one[1]), one[3], one[2] .. " | " .. one[1])
      end
    end,
  },
  {
    "a umask is seen only where all modes fit to one",
    function()
      local function guess(list)
        local changes = {}
        for index, one in ipairs(list) do
          changes[index] = { a = tonumber(one[1], 8), b = tonumber(one[2], 8), type = one[3] or "file" }
        end
        local found = cause.of_modes(changes)
        return found and found.why
      end
      check.equal(
        guess { { "644", "664" }, { "755", "775", "dir" } },
        "the modes of 2 paths are those of umask 022 → 002"
      )
      check.equal(guess { { "755", "700" } }, "the modes of 1 path are those of umask 022 → 077")
      check.equal(guess { { "644", "664" }, { "755", "700", "dir" } }, nil)
      check.equal(guess { { "644", "4755" } }, nil)
      check.equal(guess { { "644", "444" } }, nil)
      check.equal(guess { { "644", "604" } }, nil)
    end,
  },
  {
    "the hunks of two lists turn one into the other, and are few",
    function()
      math.randomseed(7)
      for _ = 1, 300 do
        local a, b = {}, {}
        for index = 1, math.random(0, 12) do
          a[index] = tostring(math.random(3))
        end
        for index = 1, math.random(0, 12) do
          b[index] = tostring(math.random(3))
        end
        local hunks = assert(sequence.hunks(a, b))
        check.equal(applied(a, hunks), b)
      end
      local long, other = {}, {}
      for index = 1, 5000 do
        long[index], other[index] = "line " .. index, "line " .. index
      end
      table.remove(other, 2000)
      other[4000] = "changed"
      local hunks = assert(sequence.hunks(long, other))
      check.equal(
        { #hunks, hunks[1].removed, hunks[2].removed, hunks[2].added },
        { 2, { "line 2000" }, { "line 4001" }, { "changed" } }
      )
      for index = 1, 5000 do
        other[index] = "other " .. index
      end
      check.equal(sequence.hunks(long, other), nil)
      check.equal({ #sequence.without_order(long, other) }, { 5000 })
    end,
  },
  {
    "the features of instructions, by their bytes",
    function()
      local function of(digits)
        local bytes = digits:gsub("%s", ""):gsub("%x%x", function(pair)
          return string.char(tonumber(pair, 16))
        end)
        return instructions.features(62, bytes)
      end
      -- push rbp; mov rbp, rsp; mov eax, [rip+0x11223344]; call; test eax, 1; movabs; ret: nothing that not every processor has.
      check.equal(of "55 4889e5 8b0544332211 e8c5f87700 f7c001000000 48b8c5f87700c5f87700 c3", {})
      check.equal(of "f3480fb8c7 c3", { POPCNT = 1 })
      -- vaddps ymm0, ymm0, [rdi+8]; vpaddd ymm0, ymm0, ymm1; vzeroupper; vfmadd231ss; shlx; rorx.
      check.equal(
        of "c5fc584708 c5fdfec1 c5f877 c4e279b9c2 c4e2f1f7c2 c4e37bf0c007",
        { AVX = 2, AVX2 = 1, FMA = 1, BMI = 2 }
      )
      -- pshufb; pmulld; crc32; an AVX-512 move.
      check.equal(
        of "660f3800c1 660f3840c1 f20f38f1c7 62f17c486f00",
        { SSSE3 = 1, ["SSE4.1"] = 1, ["SSE4.2"] = 1, ["AVX-512"] = 1 }
      )
      -- ldadd w1, w2, [x0]; ret.
      check.equal(instructions.features(183, ("<I4I4"):pack(0xb8210002, 0xd65f03c0)), { LSE = 1 })
    end,
  },
}
