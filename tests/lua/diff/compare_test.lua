-- Comparing workspaces, entries, roots, tarballs and disks, as a user does.
local archive = require "bq.archive"
local built = require "built"
local check = require "check"
local fs = require "bq.fs"
local image = require "bq.image"
local json = require "bq.json"
local process = require "bq.process"
local scratch = require "scratch"
local state = require "bq.run.state"

local PHASES <const> = { { name = "low", base = { "seed" } }, { name = "high", base = { "low" } } }
local STEPS <const> = { { "low/lib" }, { "low/app", { "low/lib" } }, { "high/end" } }

--- A workspace; the text is the content of `low/app`.
local function make(folder, text, env)
  local steps = { STEPS[1], { "low/app", { "low/lib" }, { fields = { env = env } } }, STEPS[3] }
  return built.workspace(folder, built.plan(PHASES, steps), function(id)
    return { ["usr/file"] = id == "low/app" and text or id, ["usr/more"] = "same" }
  end)
end

local one, two, other =
  make("one", "made by ann\n", {}), make("two", "made by ann\n", {}), make("other", "made by root\n", { A = "1" })

local function diff(status, ...)
  local code, out, err = built.run("diff", { ... })
  check.equal(code, status, out .. err)
  return out, err
end

check.run {
  {
    "equal workspaces differ in nothing, and that is known at once",
    function()
      check.equal(diff(0, one.path, two.path), "3 steps have the same output; nothing differs\n")
    end,
  },
  {
    "a step that differs: why it was built in another way, each file, and a guess",
    function()
      check.equal(
        diff(1, one.path, other.path),
        [[
low/app
  its inputs differ: env.A changed: nothing → `1`
  likely because of other inputs of the step: env.A changed: nothing → `1`
  usr/file
    size 12 → 13
    - made by ann
    + made by root
    likely because of a user: `ann` → `root`
2 steps have the same output, 1 differ
paths: 1 changed
causes: likely a user (1), likely other inputs of the step (1)
]]
      )
    end,
  },
  {
    "steps that are built on one side only do not differ",
    function()
      local part = make("part", "made by ann\n", {})
      local key = state.look(part, part:plan()).keys["low/app"]
      fs.remove_all(part:at("store", key))
      local said = diff(1, one.path, part.path)
      check.contains(said, ("2 steps are built in `%s` only: low/app high/end\n"):format(one.path))
      check.contains(said, "1 steps have the same output, 0 differ\n")
      check.truthy(not said:find("changed", 1, true) and not said:find("without a known cause", 1, true), said)
      check.contains(diff(1, part.path, one.path), ("are built in `%s` only: low/app"):format(one.path))
      check.contains(diff(0, part.path, part.path), "nothing differs")
    end,
  },
  {
    "the same as data, and as a page that asks nothing of anybody",
    function()
      local said = json.decode(diff(1, one.path, other.path, "--json"))
      check.equal(said.nodes[1].nodes[1].causes[1], { name = "a user", sure = false, why = "`ann` → `root`" })
      check.equal(
        diff(1, one.path, other.path, "--html", "out.html"):match "^[^\n]*",
        "2 steps have the same output, 1 differ"
      )
      local page = fs.read "out.html"
      check.contains(page, "<del>- made by ann</del>")
      check.contains(page, "default-src 'none'")
      check.truthy(not page:find "<script")
    end,
  },
  {
    "entries of a store, and a root with its tarball",
    function()
      local a = one.path .. "/store/" .. fs.list(one:at "store")[1]
      check.equal(diff(0, a, a), "nothing differs\n")
      local path = scratch.write("root/usr/bin/tool", "x", tonumber("755", 8))
      scratch.write("root/etc/conf", "y")
      local argv =
        { "tar", "--sort=name", "--owner=0", "--group=0", "--mtime=@0", "-czf", "root.tar.gz", "-C", "root", "." }
      check.truthy(process.run({ argv = argv }).ok)
      fs.chmod(path, tonumber("700", 8))
      local said = diff(1, "root.tar.gz", "root")
      check.contains(said, "usr/bin/tool\n")
      check.contains(said, "mode 0755 → 0700")
      check.truthy(not said:find "etc/conf" or said:find "etc/conf\n *owner")
    end,
  },
  {
    "folders that are gone or new are named once, with how much is below",
    function()
      scratch.write("left/a/b/c", "1")
      scratch.write("left/a/d", "1")
      scratch.write("left/same", "1")
      scratch.write("right/same", "1")
      check.equal(diff(1, "left", "right"), "a: gone, dir, with 3 paths below it\npaths: 4 gone\n")
      check.contains(diff(1, "right", "left"), "a: new, dir, with 3 paths below it\n")
    end,
  },
  {
    "disks: their partitions and the files on them",
    function()
      local function disk(path, text, format)
        image.write {
          output = path,
          format = format or "qcow2",
          disk_guid = "9f86d081-884c-8d65-9a2f-eaa0c55ad015",
          partitions = {
            {
              type = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
              guid = "a3bf4f1b-2b0b-822c-815d-6c15b0f00a08",
              name = "EFI",
              size = 34 << 20,
              content = {
                fat32 = { volume_id = 1, mtime = 1700000000, files = { { path = "/loader.conf", data = text } } },
              },
            },
          },
        }
      end
      disk("one.qcow2", "root=/build/one/x\n")
      disk("two.qcow2", "root=/build/two/x\n")
      check.equal(diff(0, "one.qcow2", "one.qcow2"), "nothing differs\n")
      local said = diff(1, "one.qcow2", "two.qcow2")
      check.contains(said, "partition 1 (EFI)\n  loader.conf\n    - root=/build/one/x\n")
      check.contains(said, "likely a path (1)")

      -- No file system has sectors of 0 bytes.
      disk("good.raw", "root=/build/one/x\n", "raw")
      disk("bad.raw", "root=/build/two/x\n", "raw")
      do
        local file <close> = assert(io.open("bad.raw", "r+b"))
        file:seek("set", image.info("bad.raw").partitions[1].start + 11)
        file:write "\0\0"
      end
      said = diff(1, "good.raw", "bad.raw")
      check.contains(said, "problem nil → " .. image.info("bad.raw").partitions[1].problem)
      check.contains(said, "its files are not compared: fat32 cannot be read")
    end,
  },
  {
    "a signal removes what was unpacked, and ends the program",
    function()
      fs.mkdir "temporary"
      local lines = {}
      for side, name in ipairs { "x", "y" } do
        for index = 1, 400000 do
          lines[index] = ("%d: %d"):format(index, index * side)
        end
        scratch.write(name .. ".log", table.concat(lines, "\n"))
        check.truthy(process.run({ argv = { "gzip", "-1", name .. ".log" } }).ok)
      end
      for _, signal in ipairs { "INT", "TERM", "HUP" } do
        local env = { PATH = os.getenv "PATH", TMPDIR = fs.realpath "temporary" }
        local pid = process.spawn {
          argv = { process.executable(), built.program "diff", "x.log.gz", "y.log.gz" },
          env = env,
          session = true,
          stdout = "null",
          stderr = { "stderr" },
        }
        local function unpacked()
          local folder = fs.list("temporary")[1]
          return folder and #fs.list("temporary/" .. folder) > 0
        end
        for _ = 1, 1000 do
          if unpacked() then
            break
          end
          process.wait_any { timeout = 0.01 }
        end
        check.truthy(unpacked(), signal .. ": nothing was unpacked")
        check.truthy(process.kill(pid, signal))
        local status = assert(process.wait_any { timeout = 60 })
        check.truthy(status.exit_status > 128, signal)
        check.equal(fs.list "temporary", {}, signal)
      end
    end,
  },
  {
    "bad input is named: nothing there, a pipe, two things that cannot be compared, a damaged archive",
    function()
      local _, err = diff(2, "left", "nowhere")
      check.contains(err, "`nowhere`: no such file or folder")
      _, err = diff(2, "left")
      check.contains(err, "two things are compared")
      _, err = diff(2, one.path, "left")
      check.contains(err, "is a workspace, and `left` a root")
      check.truthy(process.run({ argv = { "mkfifo", "pipe" } }).ok)
      _, err = diff(2, "left", "pipe")
      check.contains(err, "`pipe` is a fifo")
      scratch.write("x.gz", "\31\139\8\0 no gzip")
      scratch.write("y.gz", "\31\139\8\0 nor this")
      check.contains(diff(1, "x.gz", "y.gz"), "it cannot be decompressed")
      scratch.write("x.elf", "\127ELF\2\1" .. ("\255"):rep(200))
      scratch.write("y.elf", "\127ELF\2\1" .. ("\254"):rep(200))
      check.contains(diff(1, "x.elf", "y.elf"), "bytes differ")
    end,
  },
  {
    "bytes that differ are never called equal: what no part of an archive says, and another packer",
    function()
      scratch.write("f", "x")
      check.truthy(process.run({ argv = { "tar", "--mtime=@0", "-cf", "one.tar", "f" } }).ok)
      archive.pack { output = "one.cpio", format = "cpio", compression = "none", sources = { { path = "f" } } }
      fs.write("two.cpio", fs.read "one.cpio" .. "some more")
      local said = diff(1, "one.cpio", "two.cpio")
      check.contains(said, "its bytes differ, and nothing of what is compared")
      check.contains(said, "without a known cause: 1")
      check.truthy(process.run({ argv = { "tar", "--format=pax", "--mtime=@0.5", "-cf", "pax.tar", "f" } }).ok)
      check.contains(diff(1, "one.tar", "pax.tar"), "likely the packer of an archive, or its options")
    end,
  },
  {
    "diffoscope is asked if it is wanted, and its absence is named",
    function()
      scratch.write("bin/diffoscope", '#!/bin/sh\necho "asked: $*"\nexit 1\n', tonumber("755", 8))
      local argv = { "env", "PATH=" .. fs.realpath "bin" .. ":" .. os.getenv "PATH", process.executable() }
      local script = require("bq.host").script:match "^(.*)/tests/" .. "/scripts/diff.lua"
      for _, word in ipairs { script, "left", "right", "--diffoscope", "--html", "d.html" } do
        argv[#argv + 1] = word
      end
      local ended = process.run { argv = argv, stdout = "capture" }
      check.equal({ ended.exit_status, ended.stdout }, { 1, "asked: --html=d.html -- left right\n" })
      argv[2] = "PATH=/nowhere"
      argv[1] = process.which "env"
      ended = process.run { argv = argv, stderr = "capture" }
      check.contains(ended.stderr, "diffoscope is not installed")
    end,
  },
}
