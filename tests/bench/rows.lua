-- What is measured, beside what.
local builds = require "builds"
local digest = require "bq.digest"
local disk = require "disk"
local fs = require "bq.fs"
local process = require "bq.process"

local shell <const> = builds.shell

-- What takes milliseconds is run more often than the rest.
local OFTEN <const> = 10

--- The rows of the benchmark.
---@param space bq.Workspace whose rootfs, seed and sources are the data
---@param scratch string a folder to work in; `out` in it is what a run makes
---@param unpacked string a folder whose `out` is what a run unpacks
---@param built bq.bench.Set what is built in the row `set`
---@return bq.bench.Row[]
local function rows(space, scratch, unpacked, built)
  local rootfs, bq = space:rootfs(), process.executable()
  local out, tree = scratch .. "/out", unpacked .. "/out"

  --- Runs code; the most memory that it took, in MB.
  local function run_bq(code, ...)
    return builds.run({ bq, "-e", code, ... }, scratch)
  end

  --- The largest file of `sources/` with an ending.
  local function largest(ending)
    local best, size
    for _, name in ipairs(fs.list(space:at "sources")) do
      local stat = fs.stat(space:at("sources", name))
      if name:sub(-#ending) == ending and (not size or stat.size > size) then
        best, size = space:at("sources", name), stat.size
      end
    end
    return best
  end

  --- Unpacking with a digest, beside `sha256sum` and then `tar`.
  local function extraction(ending)
    return function()
      local path = largest(ending)
      local sha256 = path and digest.file(path)
      return {
        data = path,
        tools = { "tar", "sha256sum" },
        max_memory = 100,
        ours = function()
          return run_bq(
            "require('bq.archive').extract { path = (...), target = select(2, ...), sha256 = select(3, ...), profile = 'rootfs', devices = 'skip', setid = true }",
            path,
            tree,
            sha256
          )
        end,
        theirs = function()
          shell(scratch, 'sha256sum "$1" && mkdir "$2" && tar -xf "$1" -C "$2"', path, tree)
        end,
      }
    end
  end

  --- Packing the staged rootfs, beside `tar` and a compressor.
  local function packing(compression, pipe, tool)
    return function()
      return {
        data = rootfs,
        tools = { "tar", tool },
        size_of = out,
        within = 1.05,
        ours = function()
          run_bq(
            "require('bq.archive').pack { sources = { { path = (...) } }, output = select(2, ...), compression = select(3, ...) }",
            rootfs,
            out,
            compression
          )
        end,
        theirs = function()
          shell(
            scratch,
            'tar -C "$1" --sort=name --mtime=@0 --owner=0 --group=0 -cf - . | ' .. pipe .. ' > "$2"',
            rootfs,
            out
          )
        end,
      }
    end
  end

  local function start(argv)
    return function()
      builds.run(argv)
    end
  end

  --- Twenty files from a server on this machine, beside `curl` and `sha256sum`.
  local FILES <const>, FILE_SIZE <const> = 20, 20 * 1000 * 1000
  local function fetching()
    local served, port = scratch .. "/served", nil
    local files, urls, server = {}, {}, nil
    local function prepare()
      fs.mkdir(served)
      fs.mkdir(scratch .. "/fetched")
      for index = 1, FILES do
        shell(scratch, 'head -c "$1" /dev/urandom > "$2"', tostring(FILE_SIZE), ("%s/f%d"):format(served, index))
      end
      local log_file = scratch .. "/server.log"
      server = process.spawn {
        argv = { "python3", "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--protocol", "HTTP/1.1" },
        cwd = served,
        log = log_file,
        die_with_parent = true,
      }
      while not port do
        process.wait_any { timeout = 0.05 }
        port = fs.stat(log_file) and fs.read(log_file):match "port (%d+)"
      end
      for index = 1, FILES do
        local url = ("http://127.0.0.1:%s/f%d"):format(port, index)
        files[index] = ("{ urls = { %q }, path = %q, sha256 = %q }"):format(
          url,
          "fetched/f" .. index,
          digest.file(("%s/f%d"):format(served, index))
        )
        table.move({ "-o", "fetched/f" .. index, url }, 1, 3, #urls + 1, urls)
      end
    end
    local function empty()
      for index = 1, FILES do
        fs.remove(("%s/fetched/f%d"):format(scratch, index))
      end
    end
    return {
      tools = { "curl", "sha256sum", "python3" },
      prepare = prepare,
      ours = function()
        empty()
        return run_bq(
          ("for _, one in ipairs(require('bq.fetch').fetch { files = { %s } }) do assert(one.ok) end"):format(
            table.concat(files, ", ")
          )
        )
      end,
      theirs = function()
        empty()
        shell(scratch, 'curl -sS --fail --parallel "$@" && sha256sum fetched/*', table.unpack(urls))
      end,
      finish = function()
        process.kill(server, "TERM")
        process.wait_any { timeout = 5 }
      end,
    }
  end

  local packages = space:at "seed/packages"
  local debs = {}
  for _, name in ipairs(fs.stat(packages) and fs.list(packages) or {}) do
    debs[#debs + 1] = name:find "%.deb$" and packages .. "/" .. name or nil
  end

  --- What is measured. `more` gives the rest of a row, once it is known that it is wanted. `reach` is a ratio to the usual tool, or with `at_most` a time in seconds (beyond the tool's, if any).
  -- With `per`, the difference to `theirs`, divided by it, is what counts; with `alone`, `theirs` is only shown.
  return {
    {
      name = "start",
      what = "`bq -e ''`",
      beside = "`lua5.4 -e ''`",
      at_most = 0.004,
      often = OFTEN,
      tools = { "lua5.4" },
      ours = start { bq, "-e", "" },
      theirs = start { "lua5.4", "-e", "" },
    },
    {
      name = "enter",
      what = "enter a rootfs and run `/bin/true`",
      beside = "`bwrap`",
      reach = 1.1,
      often = OFTEN,
      tools = { "bwrap" },
      ours = start { bq, "enter", "--rootfs", rootfs, "--", "/bin/true" },
      theirs = start {
        "bwrap",
        "--unshare-all",
        "--bind",
        rootfs,
        "/",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--tmpfs",
        "/tmp",
        "/bin/true",
      },
    },
    {
      name = "extract-xz",
      what = "extract a large `.tar.xz`, hash included",
      beside = "`sha256sum`, then `tar xf`",
      reach = 0.85,
      more = extraction ".tar.xz",
      needs_data = true,
    },
    {
      name = "extract-gz",
      what = "extract a large `.tar.gz`, hash included",
      beside = "`sha256sum`, then `tar xf`",
      reach = 0.85,
      more = extraction ".tar.gz",
      needs_data = true,
    },
    {
      name = "pack-gz",
      what = "pack the rootfs to `.tar.gz`",
      beside = "`tar | pigz -n`",
      reach = 0.9,
      more = packing("gzip", "pigz -n", "pigz"),
    },
    {
      name = "pack-zst",
      what = "pack the rootfs to `.tar.zst`",
      beside = "`tar | zstd -T0`",
      reach = 0.9,
      more = packing("zstd", "zstd -T0 -q", "zstd"),
    },
    {
      name = "tree",
      what = "tree digest of the rootfs",
      beside = "`find | sort | xargs sha256sum`",
      reach = 0.7,
      tools = { "sha256sum" },
      ours = function()
        run_bq("require('bq.digest').tree(...)", rootfs)
      end,
      theirs = function()
        shell(scratch, 'cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum', rootfs)
      end,
    },
    {
      name = "debs",
      what = "unpack the Debian seed's packages",
      beside = "`dpkg-deb -x` one by one",
      reach = 0.6,
      tools = { "dpkg-deb" },
      data = debs[1],
      needs_data = true,
      ours = function()
        run_bq(
          "local target, paths = arg[1], table.move(arg, 2, #arg, 1, {}) require('bq.archive').extract_all { paths = paths, target = target, profile = 'rootfs', setid = true, devices = 'skip' }",
          tree,
          table.unpack(debs)
        )
      end,
      theirs = function()
        shell(scratch, 'mkdir "$1" && t=$1 && shift && for d; do dpkg-deb -x "$d" "$t"; done', tree, table.unpack(debs))
      end,
    },
    {
      name = "disk",
      what = "a disk that boots, of the staged rootfs",
      beside = "`mke2fs -d`, then `qemu-img convert -c -m 2`",
      reach = 1.0,
      more = disk.writing(space, scratch),
      needs_data = true,
    },
    {
      name = "boot",
      what = "boot a disk to its shell, emulated",
      beside = "one of the same files, by the usual tools",
      reach = 1.05,
      more = disk.booting(space, scratch),
      needs_data = true,
    },
    {
      name = "fetch",
      what = "fetch 20 files of 20 MB with hashes",
      beside = "`curl --parallel`, then `sha256sum`",
      reach = 0.95,
      more = fetching,
    },
    {
      name = "set",
      what = builds.title(built),
      beside = ("its commands in a serial shell script, `make -j%d`"):format(process.cores()),
      reach = built.set == "core" and 0.85 or 0.9,
      once = true,
      more = function()
        return builds.set(space, scratch, built)
      end,
      needs_data = true,
    },
    {
      name = "step",
      what = "a step beyond its commands",
      beside = "",
      at_most = 0.04,
      more = function()
        return builds.steps(scratch, 20)
      end,
    },
    {
      name = "plan",
      what = ("plan of 10,000 generated steps, checked and done, in %d MB"):format(builds.PLAN_MEMORY),
      beside = "1,000 steps",
      at_most = 3,
      alone = true,
      more = function()
        return builds.plan(scratch, 10000)
      end,
    },
    {
      name = "nothing",
      what = "coordinator with nothing to do",
      beside = "",
      at_most = 0.1,
      often = OFTEN,
      data = fs.stat(space:at "plan.json"),
      needs_data = true,
      ours = start { bq, "coordinator", "--workspace", space.path },
    },
  }
end

return rows
