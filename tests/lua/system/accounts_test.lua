local accounts = require "bq.system.accounts"
local check = require "check"
local sayer = require("said").list

local function checked(users)
  local say, out = sayer()
  accounts.users(users, say, "users")
  return out
end

local function join(packages, system)
  local say, out = sayer()
  return accounts.join(packages, system, say), out
end

local HASH <const> = "$6$salt$hash/hash.hash"

check.run {
  {
    "what every root has, what packages need, what the system says",
    function()
      local all, wrong = join({
        { name = "sshd", users = { sshd = { uid = 22, home = "/var/empty" } } },
        { name = "other", groups = { audio = { gid = 29 } } },
      }, {
        users = { ann = { uid = 1000, groups = { "wheel", "audio" }, keys = { "ssh-ed25519 AAAA ann" } }, root = {} },
        groups = { team = { gid = 2000 } },
      })
      check.equal(wrong, {})
      local files = {}
      accounts.render(all, { root = HASH }, files)
      check.equal(
        files["/etc/passwd"].text,
        "root:x:0:0:root:/root:/bin/sh\nsshd:x:22:22:sshd:/var/empty:/bin/false\nann:x:1000:1000:ann:/home/ann:/bin/sh\n"
          .. "nobody:x:65534:65534:nobody:/:/bin/false\n"
      )
      check.equal(
        files["/etc/group"].text,
        "root:x:0:\ntty:x:5:\nwheel:x:10:ann\nsshd:x:22:\naudio:x:29:ann\nusers:x:100:\nann:x:1000:\nteam:x:2000:\n"
          .. "nogroup:x:65534:\n"
      )
      -- No account has an empty password, and only one with a hash can be logged in to by one.
      check.equal(files["/etc/shadow"], {
        text = ("root:%s::0:::::\nsshd:*::0:::::\nann:*::0:::::\nnobody:*::0:::::\n"):format(HASH),
        mode = "0600",
        secret = true,
      })
      check.equal(files["/home/ann"], { folder = true, mode = "0700", uid = 1000, gid = 1000 })
      check.equal(files["/home/ann/.ssh/authorized_keys"], {
        text = "ssh-ed25519 AAAA ann\n",
        mode = "0600",
        uid = 1000,
        gid = 1000,
      })
      check.equal(files["/"], nil)
      check.equal(files["/etc/shells"].text, "/bin/sh\n")
    end,
  },
  {
    "servers let in whoever has a shell to log in by, and nobody else",
    function()
      local all, wrong = join({ { name = "sshd", users = { sshd = { uid = 22 } } } }, {
        users = {
          ann = { uid = 1000, shell = "/usr/bin/bash" },
          bob = { uid = 1001, shell = "/usr/bin/bash" },
          eve = { uid = 1002, shell = "/usr/sbin/nologin" },
        },
      })
      check.equal(wrong, {})
      local files = {}
      accounts.render(all, {}, files)
      check.equal(files["/etc/shells"].text, "/bin/sh\n/usr/bin/bash\n")
    end,
  },
  {
    "clashes are named with both",
    function()
      local _, wrong = join({
        { name = "one", users = { a = { uid = 22 } }, groups = { g = { gid = 7 } } },
        {
          name = "two",
          users = { b = { uid = 22 }, c = { uid = 5 } },
          groups = { h = { gid = 7 }, tty = { gid = 6 } },
        },
      }, {
        users = {
          a = { uid = 1000 },
          f = { uid = 1003, home = "/home/d" },
          d = { uid = 1001, groups = { "wheeel" } },
          e = { uid = 1001 },
        },
      })
      check.equal(wrong, {
        "package `two`: groups.h is 7, which is the id of group `g` of package `one`",
        "package `two`: groups.tty is 6, and every root gives `tty` the id 5",
        "package `two`: users.b.uid is 22, which is the id of `a` of package `one`",
        "users.a is also a user of package `one`",
        "users.e.uid is 1001, which is the id of `d` of the system",
        "users.c.uid is 5, which is the id of group `tty` of every root",
        "users.d is in group `wheeel`, which is not there; add it to `groups`",
        "users.f.home is `/home/d`, and so is that of `d`",
      })
    end,
  },
  {
    "mistakes of a page",
    function()
      check.equal(
        checked {
          ann = { groups = "wheel" },
          bob = { uid = 1, password = "secret", keys = { "AAAA" }, shel = "/bin/sh" },
          ["C D"] = { uid = 3 },
          dan = { uid = -1, home = "home" },
          eve = { uid = 1, home = "/" },
          root = { uid = 5 },
        },
        {
          "users has a name that is `C D`, which is not the name of a user or group",
          "users.ann.groups is a text, expected a list",
          "users.bob.shel is no field, did you mean `shell`?",
          "users.bob.keys[1] is `AAAA`, which is not a public key of ssh: a line of a `.pub` file",
          "users.bob.password is `secret`, which is not a hash such as `openssl passwd -6` prints; passwords are never in a page",
          "users.dan.home is `home`, which is not an absolute path",
          "users.dan.uid is -1, expected a number from 0 to 4294967294",
          "users.eve.home is `/`, which is nobody's home; `false` means none",
          "users.ann.uid is missing: an id stays the same when users are added",
          "users.root.uid is 5, and that of `root` is 0",
        }
      )
      check.equal(checked { root = { password = HASH }, ann = { uid = 1000, password = "$y$j9T$a.b/c$d" } }, {})
    end,
  },
  {
    "ids of recipes are not those of people",
    function()
      local said = {}
      local function say(at, message)
        said[#said + 1] = at .. " " .. message
      end
      accounts.check_users({ a = { uid = 1 }, b = { uid = 999 }, c = { uid = 0 }, d = { uid = 1000 } }, say)
      check.equal(said, {
        "users.c.uid is 0, expected a number from 1 to 999",
        "users.d.uid is 1000, expected a number from 1 to 999",
      })
    end,
  },
  {
    "su is for who can use it",
    function()
      local all = join({}, { users = { ann = { uid = 1000 } } })
      check.equal(accounts.wants_su(all, { root = HASH }), true)
      check.equal(accounts.wants_su(all, { ann = HASH }), false)
      check.equal(accounts.wants_su(join({}, {}), { root = HASH }), false)
    end,
  },
}
