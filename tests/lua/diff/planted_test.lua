-- Differences that are planted by the compiler and the tools of the machine, each with the cause that is named.
local check = require "check"
local compare = require "bq.diff.compare"
local fs = require "bq.fs"
local process = require "bq.process"
local scratch = require "scratch"
local session = require "bq.diff.session"
local show = require "bq.diff.show"
local side = require "bq.diff.side"

-- Tools of file systems are not in the path of every user.
local PATH <const> = os.getenv "PATH" .. ":/usr/sbin:/sbin"

--- Runs a program in a folder.
local function run(cwd, argv, env)
  local all = { PATH = PATH, LC_ALL = "C", TZ = "UTC" }
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

--- Exactly these causes are named, and nothing is left without one. `nil` if the machine lacks a program that makes them.
local function causes(name, expected, make, needs)
  for _, program in ipairs(needs or {}) do
    if
      not process.run({ argv = { "sh", "-c", "command -v " .. program }, env = { PATH = PATH }, stdout = "capture" }).ok
    then
      print(("skipped: planted_test: there is no %s"):format(program))
      return nil
    end
  end
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
    "where an archive of cpio was packed: the numbers of inodes",
    function()
      causes("inodes", { "the file system that was packed (inodes, devices, links)" }, function(work, to)
        shell(work, "mkdir d; echo x > d/x; find d -exec touch -d @1700000000 {} +")
        shell(work, ("echo d; find d | sort | cpio --quiet -o -H newc > %s/initrd"):format(to))
      end, { "cpio" })
    end,
  },
  {
    "a time that is not the file's: when a zip was made it was read, or when a squashfs was made",
    function()
      local text = causes("times-zip", { "a time" }, function(_, to, index)
        -- A member of no bytes, with the field of Info-ZIP for its times: of the file, and of when it was read.
        local stamps = ("<I2I2BI4I4"):pack(0x5455, 9, 3, 1700000000, 1700010000 + index)
        local head = ("<I2I2I2I2I2I4I4I4I2I2"):pack(10, 0, 0, 0xB1AA, 0x576E, 0, 0, 0, 1, #stamps)
        local first = "PK\3\4" .. head .. "x" .. stamps
        local listed = ("<I2"):pack(0x031E) .. head:sub(1, 24) .. ("<I2"):pack(0)
        listed = "PK\1\2" .. listed .. ("<I2I2I2I4I4"):pack(0, 0, 0, 0x81A40000, 0) .. "x"
        local last = "PK\5\6" .. ("<I2I2I2I2I4I4I2"):pack(0, 0, 1, 1, #listed, #first, 0)
        scratch.write(to .. "/x.zip", first .. listed .. last)
      end)
      check.contains(text, "further times of members differ, as seconds since 1970: x 1700000000 1700010001 → ")
      causes("times-squashfs", { "a time" }, function(work, to, index)
        shell(work, "mkdir r; echo x > r/x; touch -d @1700000000 r/x r")
        local time = tostring(1700000000 + index * 3600)
        run(work, { "mksquashfs", "r", to .. "/r.img", "-quiet", "-no-progress", "-mkfs-time", time })
      end, { "mksquashfs" })
    end,
  },
  {
    "the same in another compression, under the name of that",
    function()
      local text = causes("compression", { "another compression" }, function(work, to, index)
        local program, ending = "gzip -n", "gz"
        if index == 2 then
          program, ending = "xz", "xz"
        end
        shell(work, ("echo x > data; %s data; ar rcD %s/x.deb data.%s"):format(program, to, ending))
      end, { "xz" })
      check.truthy(not text or text:find("data.gz → data.xz\n", 1, true), text)
    end,
  },
  {
    "names that are made up: of a temporary file, of sections, with the number of a process",
    function()
      causes("name-source", { "likely a temporary name" }, function(work, to)
        shell(work, ("f=$(mktemp ./ccXXXXXX.c); echo 'int f(void) { return 7; }' > $f; cc -c $f -o %s/f.o"):format(to))
      end)
      causes("name-folder", { "likely a temporary name" }, function(work, to)
        shell(work, [[sh -c 'echo "#define AT \"/tmp/build.$$/obj\"" > at.h']])
        scratch.write(work .. "/p.c", '#include "at.h"\nconst char s[] = AT;\nint main(void) { return s[1]; }\n')
        run(work, { "cc", "-O2", "-s", "p.c", "-o", to .. "/p" })
      end)
      local text = causes("name-lto", { "likely a random identifier, or a digest" }, function(work, to)
        -- Not in a folder for each side: the compiler's own form of the source has its name.
        scratch.write(work .. "/../p.c", "int n;\nint f(int x) { n += x; return n * 3; }\n")
        run(work .. "/..", { "cc", "-O2", "-flto", "-ffat-lto-objects", "-c", "p.c", "-o", to .. "/p.o" })
      end)
      check.contains(text, "sections have another name: .gnu.lto_")
    end,
  },
  {
    "an order of a list whose last line has no comma",
    function()
      causes("order-comma", { "likely an order" }, function(_, to, index)
        local lines = { "  'ar' => 'ar'", "  'ld' => 'ld'", "  'cc' => 'gcc'" }
        local list = index == 1 and lines or { lines[3], lines[1], lines[2] }
        scratch.write(to .. "/Config.pm", "$x = {\n" .. table.concat(list, ",\n") .. "\n};\n")
      end)
    end,
  },
  {
    "options of the compiler and the linker explain the data, too",
    function()
      local source = [[
        #include <stdio.h>
        #include <string.h>
        int sum(const int *p, int n) { int s = 0; for (int i = 0; i < n; i++) s += p[i] * i; return s; }
        int most(const int *p, int n) { int m = p[0]; for (int i = 1; i < n; i++) m = p[i] > m ? p[i] : m; return m; }
        int load(const char *name) {
          char line[128]; FILE *f = fopen(name, "r");
          if (!f || !fgets(line, sizeof line, f)) line[0] = 0;
          return strlen(line);
        }
      ]]
      for name, one in pairs {
        level = { "likely options of the compiler", "-O2", "-O3" },
        now = { "likely options of the linker", "-Wl,-z,lazy", "-Wl,-z,now" },
        hash = { "likely options of the linker", "-Wl,--hash-style=gnu", "-Wl,--hash-style=both" },
        protector = { "likely options of the compiler", "-fno-stack-protector", "-fstack-protector-all" },
      } do
        local text = causes("options-" .. name, { one[1] }, function(work, to, index)
          scratch.write(work .. "/l.c", source)
          run(work, { "cc", "-O2", "-fPIC", "-shared", "-s", one[index + 1], "l.c", "-o", to .. "/l.so" })
        end)
        check.truthy(name ~= "now" or text:find("how it was linked: `-z now` no → yes", 1, true), text)
        -- Names that are new are not counted as gone.
        check.truthy(name ~= "protector" or text:find("names that are gone: 0, new: 1", 1, true), text)
      end
    end,
  },
  {
    "a file system that is a file: its id, its times and its files",
    function()
      local function disk(name, make)
        return causes("disk-" .. name, { make[1] }, function(work, to, index)
          scratch.write(work .. "/r/x", "x")
          run(work, { "touch", "-d", "@1700000000", "r/x", "r" })
          local more = make[index + 1]
          run(work, {
            "mkfs.ext4",
            "-q",
            "-d",
            "r",
            "-U",
            more.id or "01234567-89ab-cdef-0123-456789abcdef",
            "-E",
            "hash_seed=01234567-89ab-cdef-0123-456789abcdef",
            to .. "/disk.img",
            "2M",
          }, { E2FSPROGS_FAKE_TIME = more.time or "1700000000" })
        end, { "mkfs.ext4" })
      end
      local id = disk("id", {
        "a random identifier, or a digest",
        {},
        { id = "76543210-89ab-cdef-0123-456789abcdef" },
      })
      check.truthy(id == nil or id:find("id 01234567-89ab-cdef-0123-456789abcdef → 7654", 1, true), id)
      local time = disk("time", { "a time", {}, { time = "1700003600" } })
      check.truthy(time == nil or time:find("the time it was made: 2023-11-14 22:13:20 → ", 1, true), time)
      if id then
        -- Both sides as the disk itself, not as a file of a folder.
        local said, _, text = look("disk-id/a/disk.img", "disk-id/b/disk.img")
        check.equal(said, { "a random identifier, or a digest" }, text)
        local bytes = fs.read "disk-id/b/disk.img"
        fs.write("disk-id/b/disk.img", bytes:sub(1, 2048) .. ("\255"):rep(2048) .. bytes:sub(4097))
        local _, open, damaged = look("disk-id/a", "disk-id/b")
        check.contains(damaged, "it cannot be read: ")
        check.truthy(open, damaged)
      end
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
