local check = require "check"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local json = require "bq.json"
local page = require "bq.system.page"
local scratch = require "scratch"

local count = 0
local RECIPES <const> = {
  skeleton = "",
  zlib = "",
  curl = 'depends = { "zlib" }',
  ssh = 'users = { sshd = { uid = 22 } }, services = { ssh = { run = { "/usr/sbin/sshd" } } }',
}

local function declared()
  local out = scratch.declaration { "skeleton" }
  out.phases[1].packages.disk = { "kernel" }
  out.roots = {
    packages = { "skeleton" },
    disk = { "disk" },
    sets = { core = { lists = { "core" }, phases = { "one" } }, full = { phases = {} } },
  }
  return out
end

-- A recipe of a kernel with two configurations.
local KERNEL <const> =
  { skeleton = "", kernel = 'strategy = "kernel", fragments = {}, configs = { small = {}, large = {} }' }

--- Reads a page; the folder is new.
local function read(text, recipes)
  count = count + 1
  local folder, texts = "case" .. count, {}
  for name, more in pairs(recipes or RECIPES) do
    texts[name] = scratch.recipe(name, more ~= "" and more or nil)
  end
  local collection = scratch.recipes(folder .. "/packages", texts)
  scratch.write(folder .. "/mine.lua", text)
  local system, secrets, from = page.read(folder .. "/mine.lua", declared(), collection)
  return system, secrets, collection, from
end

--- The mistakes of a page, without the name of its folder.
local function mistakes(text, recipes)
  local system, _, collection = read(text, recipes)
  check.equal(system, nil)
  local out = {}
  local lines = fail.lines(check.raises(function()
    collection:check()
  end))
  for index = 2, #lines do
    out[#out + 1] = lines[index]:gsub("^  case%d+/", "")
  end
  return out
end

check.run {
  {
    "a page of two lines, with all that it does not say",
    function()
      local system, secrets, collection = read 'return { name = "mine", packages = { "curl" } }'
      collection:check()
      check.equal(system.packages, { "curl" })
      check.equal(
        { system.set, system.hostname, system.console, system.network, system.parts, system.timezone, system.bq },
        { "core", "mine", "login", { ["*"] = "dhcp" }, { "run" }, "UTC", false }
      )
      check.equal(secrets, { passwords = {} })
      -- It goes through JSON unchanged.
      local text = json.encode(system, { pretty = true })
      check.equal(json.encode(json.decode(text), { pretty = true }), text)
    end,
  },
  {
    "a hash is a secret: it is not in what the plan holds",
    function()
      local hash <const> = "$6$salt$abc./DEF"
      local system, secrets, collection = read(
        ('return { name = "mine", packages = {}, users = { root = { password = "%s" }, ann = { uid = 1000 } } }'):format(
          hash
        )
      )
      collection:check()
      check.equal(secrets, { passwords = { root = hash } })
      check.equal(system.users, { ann = { uid = 1000 }, root = {} })
      check.truthy(not json.encode(system):find("salt", 1, true))
    end,
  },
  {
    "all mistakes are shown at once, with file and line",
    function()
      check.equal(
        mistakes [[
return {
  name = "mine",
  packages = { "crul", "zlib", "zlib" },
  hostnme = "x",
  hostname = "a_b",
  console = "logn",
  users = {
    ann = { uid = 1000, groups = { "wheeel" } },
    bob = { uid = 1000 },
  },
  services = { web = { run = { "httpd" } }, ftp = true },
  fstab = { { what = "LABEL=a", mount = "data", type = "ext4" } },
  owners = { ["/a"] = "carl" },
  capabilities = { ["/b"] = "cap_fly=ep" },
  timezone = "Europe",
  disk = { size = "1 GB" },
  parts = { "rum" },
}
]],
        {
          "mine.lua:3: `packages` has `crul`, for which there is no recipe, did you mean `curl`?",
          "mine.lua:3: `packages` has `zlib` twice",
          "mine.lua:4: `hostnme` is no field, did you mean `hostname`?",
          "mine.lua:5: `hostname` is `a_b`, which is not the name of a machine: letters, digits and `-`",
          'mine.lua:6: `console` is `logn`, expected "login" or "shell" or false, did you mean `login`?',
          "mine.lua:8: `users.ann` is in group `wheeel`, which is not there; add it to `groups`",
          "mine.lua:9: `users.bob.uid` is 1000, which is the id of `ann` of the system",
          "mine.lua:11: `services.ftp` is turned on, and no package of the system brings it; say what to `run`",
          "mine.lua:11: `services.web.run[1]` is `httpd`, which is not an absolute path",
          "mine.lua:12: `fstab[1].mount` is `data`, which is not an absolute path",
          "mine.lua:13: `owners./a` is `carl`, and there is no user `carl`",
          "mine.lua:14: `capabilities./b` there is no capability `cap_fly`",
          "mine.lua:16: `disk.size` is not a size such as `900M` or `4G`",
          'mine.lua:17: `parts[1]` is `rum`, expected "run" or "dev" or "doc", did you mean `run`?',
        }
      )
    end,
  },
  {
    "what an image is to be goes into the plan as the image's own checks take it",
    function()
      local fields = require "bq.system.fields"
      local system, _, collection = read [[
return {
  name = "mine",
  packages = {},
  kernel = { command_line = "quiet" },
  disk = { size = "2G", partitions = { { mount = "/data", size = "rest" } } },
  container = { entrypoint = { "/bin/sh" } },
}]]
      collection:check()
      check.equal(fields.image(system), {
        command_line = "quiet",
        container = { entrypoint = { "/bin/sh" } },
        disk = { partitions = { { mount = "/data", size = "rest" } }, size = "2G" },
      })
      check.equal(fields.image((read 'return { name = "mine", packages = {}, disk = false }')), {})
      check.equal(mistakes 'return { name = "mine", packages = {}, disk = { grow = true } }', {
        "mine.lua:1: `disk.grow` needs bq in the root: `bq = true`",
      })
      check.equal(
        mistakes [[
return {
  name = "mine",
  packages = {},
  disk = { size = "100M", partitions = { { mount = "/data", size = "200M" } } },
  container = { entrypont = {} },
  kernel = { comand_line = "quiet" },
}]],
        {
          "mine.lua:4: `disk` is not right: the partitions of `disk` have 200 MiB, the disk has 100 MiB",
          "mine.lua:5: `container.entrypont` is unknown",
          "mine.lua:6: `kernel.comand_line` is no field, did you mean `command_line`?",
        }
      )
    end,
  },
  {
    "the kernel: its configuration is one that there is, its fragments are files, read and checked line by line",
    function()
      local folder = "case" .. count + 1
      scratch.write(folder .. "/kernel/own.config", "CONFIG_A=y\n")
      local place = scratch.write(fs.cwd() .. "/elsewhere/other.config", "CONFIG_B=y\n")
      local system, _, collection, from = read(
        ('return { name = "mine", packages = {}, kernel = { config = "large", fragments = { "kernel/own.config", "%s" } } }'):format(
          place
        ),
        KERNEL
      )
      collection:check()
      -- What goes into keys does not tell where a file is on this machine.
      check.equal(system.kernel, {
        config = "large",
        fragments = {
          { name = "kernel/own.config", text = "CONFIG_A=y\n" },
          { name = "other.config", text = "CONFIG_B=y\n" },
        },
      })
      check.equal(from.beside, {
        [("%s/%s/kernel/own.config"):format(fs.cwd(), folder)] = scratch.sha256 "CONFIG_A=y\n",
        [place] = scratch.sha256 "CONFIG_B=y\n",
      })
      folder = "case" .. count + 1
      scratch.write(folder .. "/own.config", "CONFIG_A=y\n\nCONFIG_B=m\nCONFIG_C\n")
      scratch.write(folder .. "/latin1.config", "# \xe9\n")
      check.equal(
        mistakes(
          [[
return {
  name = "mine",
  packages = {},
  kernel = {
    config = "larg",
    fragments = { "own.config", "none.config", "latin1.config", "own.config", { name = "x", text = "" } },
  },
}]],
          KERNEL
        ),
        {
          'mine.lua:5: `kernel.config` is `larg`, expected "large" or "small", did you mean `large`?',
          "mine.lua:6: `kernel.fragments[2]` is `none.config`, and there is no such file",
          "mine.lua:6: `kernel.fragments[3]` is `latin1.config`, which is not UTF-8",
          "mine.lua:6: `kernel.fragments[4]` is `own.config`, which is named twice",
          "mine.lua:6: `kernel.fragments[5]` is a table, expected the path of a file",
          "own.config:3: `CONFIG_B=m` asks for a module, and the kernel is one file; say `y`",
          "own.config:4: is `CONFIG_C`, expected `CONFIG_NAME=value` or `# CONFIG_NAME is not set`",
        }
      )
      check.equal(
        mistakes('return { name = "mine", packages = {}, disk = false, kernel = { config = "small" } }', KERNEL),
        { "mine.lua:1: `kernel.config` says nothing: with `disk = false`, no kernel is built" }
      )
      check.equal(mistakes 'return { name = "mine", packages = {}, kernel = { config = "small", fragments = 1 } }', {
        "mine.lua:1: `kernel.fragments` is a number, expected a list of files",
      })
      check.equal(mistakes 'return { name = "mine", packages = {}, kernel = { config = "small" } }', {
        "mine.lua:1: `kernel.config` is `small`, and no kernel of the plan has configurations to choose from",
      })
    end,
  },
  {
    "services and accounts of packages count with those of the page",
    function()
      local _, _, collection =
        read 'return { name = "mine", packages = { "ssh" }, services = { ssh = true }, users = { ann = { uid = 1000 } } }'
      collection:check()
      check.equal(
        mistakes 'return { name = "mine", packages = { "ssh" }, services = { sshd = true }, users = { ann = { uid = 22 } } }',
        {
          "mine.lua:1: `services.sshd` is turned on, and no package of the system brings it; say what to `run`; packages bring ssh",
          "mine.lua:1: `users.ann.uid` is 22, which is the id of `sshd` of package `ssh`",
        }
      )
    end,
  },
  {
    "its own files: there, not to be written by others, and not what the settings write",
    function()
      check.equal(
        mistakes 'return { name = "mine", packages = {}, files = "gone" }',
        { ("mine.lua:1: `files` is `%s/case%d/gone`, and there is no such folder"):format(fs.cwd(), count) }
      )
      local folder = "case" .. count + 1
      scratch.write(folder .. "/own/etc/passwd", "")
      scratch.write(folder .. "/own/etc/open", "", files.mode "0666")
      check.equal(mistakes 'return { name = "mine", packages = {}, files = "own" }', {
        "mine.lua:1: `files` has `/etc/open`, which everybody on this machine may write to",
        "mine.lua:1: `files` has `/etc/passwd`, which the settings of the system write",
      })
      folder = "case" .. count + 1
      fs.mkdir(folder .. "/own")
      fs.chmod(folder .. "/own", files.mode "0777")
      check.equal(mistakes 'return { name = "mine", packages = {}, files = "own" }', {
        ("mine.lua:1: `files` is `%s/%s/own`, which everybody on this machine may write to"):format(fs.cwd(), folder),
      })
    end,
  },
  {
    "what does not fit together on a disk is known before anything is built",
    function()
      local folder = "case" .. count + 1
      scratch.write(folder .. "/own/card/readme", "")
      fs.symlink("readme", folder .. "/own/card/link")
      fs.symlink("card", folder .. "/own/srv")
      fs.mkdir(folder .. "/own/data")
      check.equal(
        mistakes [[
return {
  name = "mine",
  packages = {},
  files = "own",
  fstab = { { what = "LABEL=a", mount = "/data", type = "ext4" } },
  users = { ann = { uid = 1000, home = "/card/ann" } },
  owners = { ["/card/readme"] = "ann:ann", ["/cards"] = "ann:ann" },
  modes = { ["/card/readme"] = "4755", ["/card/x"] = "0700", ["/srv"] = "0755" },
  capabilities = { ["/card/readme"] = "cap_chown=ep", ["/data"] = "cap_chown=ep" },
  disk = {
    partitions = {
      { mount = "/data", size = "40M", owner = "bob" },
      { mount = "/card", size = "40M", filesystem = "fat32" },
      { mount = "/srv/www", size = "40M" },
    },
  },
}]],
        {
          "mine.lua:4: `files` has `/card/link`, a link, on the partition `/card`, which is a FAT and has no links",
          "mine.lua:5: `fstab[1].mount` is `/data`, and so is that of disk.partitions[1]",
          "mine.lua:6: `users.ann.home` is `/card/ann`, on the partition `/card`, which is a FAT and has no owners",
          "mine.lua:7: `owners./card/readme` names what is on the partition `/card`, which is a FAT and has no owners",
          "mine.lua:8: `modes./card/readme` is 4755, of what is on the partition `/card`, which is a FAT and has no such modes",
          "mine.lua:8: `modes./srv` names a link, which has no mode",
          "mine.lua:9: `capabilities./card/readme` names what is on the partition `/card`, which is a FAT and has no capabilities",
          "mine.lua:9: `capabilities./data` names what is no file",
          "mine.lua:12: `disk.partitions[1].owner` is `bob`, and there is no user `bob`",
          "mine.lua:12: `disk.partitions[3].mount` is `/srv/www`, and `/srv` is a link of the folder `files`",
        }
      )
    end,
  },
  {
    "where a field is on the page of a plan, as long as the page is the same; the page as it stands",
    function()
      local _, _, _, from = read 'return {\n  name = "mine",\n  packages = {},\n  modes = { ["/a"] = "0755" },\n}'
      local made = { page = { path = from.path, sha256 = files.chunk_digest(from.text) } }
      check.equal(page.place(made, "modes./a"), "mine.lua:4: ")
      check.equal(page.peek(from.path).name, "mine")
      scratch.write(from.path, "return {")
      check.equal({ page.place(made, "modes./a"), page.place({}, "modes./a") }, { "", "" })
      check.equal(page.peek(from.path), {})
    end,
  },
  {
    "what is no page",
    function()
      check.contains(mistakes("return {")[1], "mine.lua:1: ")
      check.contains(mistakes("return 1")[1], "a system is a file that returns a table")
      check.contains(mistakes("os.execute 'x'\nreturn {}")[1], "mine.lua:1: `os.execute` is not available in a recipe")
      check.equal(mistakes "return {}", { "mine.lua:1: `name` is missing", "mine.lua:1: `packages` is missing" })
      check.contains(
        mistakes('return { name = "a", packages = {}, set = "ful" }')[1],
        "is `ful`, which builds no systems"
      )
      check.contains(mistakes('return { name = "a", packages = {}, set = "full" }')[1], "which builds no systems")
      check.contains(mistakes('return { name = "a", packages = {}, users = { [1.5] = 1 } }')[1], "`users` holds")
      local err = check.raises(function()
        page.read("none.lua", declared(), scratch.recipes("none", {}))
      end)
      check.equal(fail.lines(err), { "error: `--system none.lua`: there is no such file" })
      check.equal(err.status, 2)
    end,
  },
  {
    "mistakes of a recipe that it names are shown too, and none becomes a bug",
    function()
      for _, more in ipairs {
        "depends = 1",
        "users = { a = { uid = {} } }",
        "users = 1",
        'services = { a = { run = "x" } }',
        "phases = true",
        "parts = { run = 1 }",
        "runs_with = { 1 }",
      } do
        local found = mistakes('return { name = "mine", packages = { "bad" } }', { bad = more, skeleton = "" })
        check.contains(found[1], "packages/bad.lua:")
      end
    end,
  },
}
