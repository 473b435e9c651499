-- Differences that are planted by the compiler and the tools of the machine, each with the cause that is named.
local check = require "check"
local compare = require "bq.diff.compare"
local fs = require "bq.fs"
local process = require "bq.process"
local scratch = require "scratch"
local session = require "bq.diff.session"
local show = require "bq.diff.show"
local side = require "bq.diff.side"

--- Runs a program in a folder.
local function run(cwd, argv, env)
  local all = { PATH = os.getenv "PATH", LC_ALL = "C", TZ = "UTC" }
  for name, value in pairs(env or {}) do
    all[name] = value
  end
  local ended = process.run { argv = argv, cwd = cwd, env = all, stdout = "capture", stderr = "capture" }
  check.truthy(ended.ok, table.concat(argv, " ") .. "\n" .. ended.stderr)
end

local function shell(cwd, text, env)
  run(cwd, { "sh", "-euc", text }, env)
end

--- Makes both sides of a case in folders of their own.
local function plant(name, make)
  local folder = fs.realpath "." .. "/" .. name
  for index, one in ipairs { "a", "b" } do
    fs.mkdir(("%s/%s"):format(folder, one))
    fs.mkdir(("%s/work-%s"):format(folder, one))
    make(("%s/work-%s"):format(folder, one), ("%s/%s"):format(folder, one), index)
  end
  return folder .. "/a", folder .. "/b"
end

--- What is said of two sides.
local function look(a, b)
  local place <close> = session.new()
  local top = compare.sides(place, side.open(a), side.open(b))
  local said = {}
  for _, one in ipairs(top:all_causes()) do
    said[#said + 1] = (one.sure and "" or "likely ") .. one.name
  end
  return said, top:is_open(), table.concat(show.lines(top), "\n")
end

--- Exactly these causes are named, and nothing is left without one.
local function causes(name, expected, make)
  local said, open, text = look(plant(name, make))
  check.equal(said, expected, text)
  check.truthy(not open, "a difference is left without a cause:\n" .. text)
  return text
end

local PROGRAM <const> = [[
float dot(const float *a, const float *b, int n) { float s = 0; for (int i = 0; i < n; i++) s += a[i] * b[i]; return s; }
void addv(int *a, const int *b, int n) { for (int i = 0; i < n; i++) a[i] += b[i] * 3; }
int pop(unsigned long x) { return __builtin_popcountl(x); }
int main(int c, char **v) { float x[64] = { c }; int i[64] = { c }; addv(i, i, 64); return dot(x, x, 64) + i[3] + pop(c) + !v; }
]]
local IS_X86 <const> = require("bq.syscall").uname().machine == "x86_64"

check.run {
  {
    "a time: in a program, in the headers of gzip and tar, in text and in a number",
    function()
      local text = causes("time", { "likely a time" }, function(work, to, index)
        scratch.write(
          work .. "/p.c",
          'const char *v = "built " __DATE__ " " __TIME__;\nint main(void) { return v[0]; }\n'
        )
        run(
          work,
          { "cc", "-O2", "p.c", "-o", to .. "/p" },
          { SOURCE_DATE_EPOCH = index == 1 and "1790000000" or "1793000000" }
        )
      end)
      check.contains(text, "`Sep 21 2026 14:13:20` → `Oct 26 2026 07:33:20`")
      causes("time-gzip", { "a time" }, function(work, to, index)
        shell(work, ("echo x > f; touch -d @%d f; gzip f; mv f.gz %s"):format(1700000000 + index, to))
      end)
      causes("time-tar", { "a time" }, function(work, to, index)
        shell(work, ("echo x > f; tar --mtime=@%d -cf %s/f.tar f"):format(1700000000 + index, to))
      end)
      causes("time-pax", { "a time" }, function(work, to, index)
        shell(work, ("echo x > f; tar --format=pax --mtime='@1700000000.%d' -cf %s/f.tar f"):format(index, to))
      end)
      causes("time-data", { "likely a time" }, function(work, to, index)
        local text = "unsigned long built = %dUL;\nint main(void) { return built & 1; }\n"
        scratch.write(work .. "/p.c", text:format(1790000000 + index * 4000))
        run(work, { "cc", "-O2", "p.c", "-o", to .. "/p" })
      end)
      causes("time-text", { "likely a time" }, function(_, to, index)
        scratch.write(to .. "/t", ("# made on Thu, 26 Nov 2026 22:0%d:46 UTC\nno = 12\n"):format(index))
      end)
      causes("time-number", { "likely a time" }, function(_, to, index)
        scratch.write(to .. "/n", "\0\1\2\3" .. ("<I4"):pack(1790000000 + index * 5000) .. ("\255\0"):rep(30))
      end)
    end,
  },
  {
    "a path: in debug information, in an assertion, in a library",
    function()
      causes("path", { "likely a path" }, function(work, to)
        scratch.write(work .. "/src/p.c", PROGRAM)
        run(work .. "/src", { "cc", "-g", "-O2", work .. "/src/p.c", "-o", to .. "/p" })
      end)
      causes("path-library", { "likely a path" }, function(work, to)
        scratch.write(work .. "/p.c", "const char *f(void) { return __FILE__; }\n")
        run(work, { "cc", "-O2", "-c", work .. "/p.c", "-o", "p.o" })
        run(work, { "ar", "rcD", to .. "/l.a", "p.o" })
      end)
    end,
  },
  {
    "an order: of lines, of names in JSON, of the parts of a program",
    function()
      causes("order", { "likely an order" }, function(_, to, index)
        local lines = { "usr/bin/b", "usr/lib/z", "usr/bin/a", "usr/lib/c" }
        scratch.write(
          to .. "/list",
          table.concat(index == 1 and lines or { lines[4], lines[1], lines[3], lines[2] }, "\n")
        )
      end)
      causes("order-json", { "likely an order" }, function(_, to, index)
        scratch.write(to .. "/x.json", index == 1 and '{"b":[1,2],"a":{}}' or '{"a":{},\n"b":[2,1]}')
      end)
      causes("order-link", { "likely an order" }, function(work, to, index)
        for _, name in ipairs { "one", "two" } do
          scratch.write(
            work .. "/" .. name .. ".c",
            ('const char *%s(void) { return "the text of %s"; }\n'):format(name, name)
          )
        end
        scratch.write(
          work .. "/m.c",
          "const char *one(void), *two(void);\nint main(void) { return *one() + *two(); }\n"
        )
        run(work, { "cc", "-O2", "-c", "one.c", "two.c", "m.c" })
        local parts = index == 1 and { "one.o", "two.o" } or { "two.o", "one.o" }
        run(work, { "cc", "m.o", parts[1], parts[2], "-o", to .. "/p" })
      end)
    end,
  },
  {
    "a locale: of sorting, of quotes, of numbers, of dates",
    function()
      causes("locale", { "likely a locale" }, function(_, to, index)
        scratch.write(to .. "/l", index == 1 and "Bob\nZoe\nalice\nbert\n" or "alice\nbert\nBob\nZoe\n")
      end)
      causes("locale-text", { "likely a locale" }, function(_, to, index)
        scratch.write(to .. "/l", index == 1 and "‘x’ takes 1,234.5 ms\n" or "'x' takes 1234,5 ms\n")
      end)
      causes("locale-date", { "likely a locale" }, function(_, to, index)
        scratch.write(to .. "/l", index == 1 and "Thu Nov 26 22:06:46 2026\n" or "Do 26. Nov 22:06:46 2026\n")
      end)
    end,
  },
  {
    "a umask: of a tree and of an archive",
    function()
      local text = causes("umask", { "likely a umask" }, function(_, to, index)
        shell(to, ("umask %s; mkdir -p d/e; echo x > d/x; cp /bin/sh d/e/p"):format(index == 1 and "022" or "077"))
      end)
      check.contains(text, "umask 022 → 077")
      causes("umask-tar", { "likely a umask" }, function(work, to, index)
        shell(
          work,
          ("umask %s; mkdir d; echo x > d/x; tar --sort=name --mtime=@0 -cf t.tar d"):format(
            index == 1 and "022" or "002"
          )
        )
        shell(work, ("chmod 644 t.tar; mv t.tar %s"):format(to))
      end)
      -- What no umask does has no cause.
      local said, open = look(plant("no-umask", function(_, to, index)
        scratch.write(to .. "/x", "x", tonumber(index == 1 and "644" or "4755", 8))
      end))
      check.equal({ said, open }, { {}, true })
    end,
  },
  {
    "a user: the owners of an archive, and a name in text",
    function()
      causes("user", { "a user" }, function(work, to, index)
        local who = index == 1 and "ann:1001" or "bob:1002"
        shell(work, ("echo x > f; tar --mtime=@0 --owner=%s --group=%s -cf %s/t.tar f"):format(who, who, to))
      end)
      causes("user-text", { "likely a user" }, function(_, to, index)
        scratch.write(
          to .. "/v",
          ("Linux version 6.1.0 (%s@builder) (gcc 12)\n"):format(index == 1 and "root" or "ann")
        )
      end)
      causes("user-program", { "likely a user" }, function(work, to, index)
        local text = 'const char v[] = "built by %s";\nint main(void) { return v[0]; }\n'
        scratch.write(work .. "/p.c", text:format(index == 1 and "root" or "jenkins"))
        run(work, { "cc", "-O2", "p.c", "-o", to .. "/p" })
      end)
    end,
  },
  {
    "the features of a processor that the compiler may use",
    function()
      local flags = IS_X86 and { "-march=x86-64", "-march=x86-64-v3" } or { "-march=armv8-a", "-march=armv8.2-a+sve" }
      for _, level in ipairs(IS_X86 and { "-O2", "-O3" } or { "-O3" }) do
        causes("march" .. level, { "likely a processor's feature (-march)" }, function(work, to, index)
          scratch.write(work .. "/p.c", PROGRAM)
          run(work, { "cc", level, flags[index], "p.c", "-o", to .. "/p" })
        end)
      end
    end,
  },
  {
    "the version of a compiler, also of a stripped program",
    function()
      local text = causes("compiler", { "likely a version of a tool or package" }, function(work, to, index)
        -- What another version of the compiler would have said of itself.
        scratch.write(
          work .. "/p.s",
          ('.text\n.globl f\nf: ret\n.ident "GCC: (GNU) %s"\n'):format(index == 1 and "14.2.0" or "15.1.0")
        )
        run(work, { "cc", "-shared", "-nostdlib", "p.s", "-o", "p.so" })
        run(work, { "strip", "p.so", "-o", to .. "/p.so" })
      end)
      check.contains(text, "+GCC: (GNU) 15.1.0")
    end,
  },
  {
    "a build id, and nothing else",
    function()
      causes("build-id", { "likely a build id" }, function(work, to, index)
        scratch.write(work .. "/p.c", PROGRAM)
        run(
          work,
          { "cc", "-O2", "p.c", "-Wl,--build-id=0x" .. (index == 1 and "12" or "34"):rep(20), "-o", to .. "/p" }
        )
      end)
    end,
  },
  {
    "the order of an archive's members: tar, ar, and tar in gzip in tar",
    function()
      local ORDER <const> = { "x y", "y x" }
      local function members(to, index, pack)
        return ("echo x > x; echo y > y; touch -d @1700000000 x y; %s"):format(pack:format(ORDER[index]))
          .. "; mv out "
          .. to
      end
      causes("order-tar", { "an archive's order" }, function(work, to, index)
        shell(work, members(to .. "/t.tar", index, "tar --mtime=@0 -cf out %s"))
      end)
      causes("order-ar", { "an archive's order" }, function(work, to, index)
        shell(work, members(to .. "/l.a", index, "ar rcD out %s"))
      end)
      local text = causes("order-deep", { "an archive's order" }, function(work, to, index)
        local inner = "tar --mtime=@0 -cf - %s | gzip -n > in.gz; tar --mtime=@0 -cf out in.gz"
        shell(work, members(to .. "/t.tar", index, inner))
      end)
      check.contains(text, "t.tar\n  in.gz\n    the archive in it\n      another order: member 1 is x → y\n")
    end,
  },
  {
    "what has no cause is told without one",
    function()
      local said, open = look(plant("none", function(_, to, index)
        scratch.write(to .. "/x", index == 1 and "the one\n" or "quite other words\nand more\n")
      end))
      check.equal({ said, open }, { {}, true })
    end,
  },
  {
    "the temporary folder goes when a comparison is over",
    function()
      local place = session.new()
      compare.sides(place, side.open "order-deep/a", side.open "order-deep/b")
      local folder = place:path():match "^(.*)/"
      check.truthy(#fs.list(folder) > 0)
      place:close()
      check.equal(fs.lstat(folder), nil)
    end,
  },
}
