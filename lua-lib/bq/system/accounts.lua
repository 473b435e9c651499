-- The users and groups of a root: those that every root has, those that its packages need, and those of the system. They become
-- passwd(5), group(5), shadow(5), shells(5), home folders and keys of ssh.
local kinds = require "bq.system.kinds"
local tables = require "bq.tables"

local accounts = {}

---@class bq.system.User
---@field uid integer
---@field group? string the primary group; of its own name, with the id of the user, if absent
---@field groups? string[] further groups
---@field comment? string
---@field home? string|false `/home/NAME` if absent; `false`: none is made
---@field shell? string
---@field keys? string[] public keys of ssh
---@field password? string a hash as crypt(3) takes it; none: no password matches

---@class bq.system.Accounts
---@field users table<string, bq.system.User> by name, all fields filled but `keys` and `password`
---@field groups table<string, integer> ids by name
---@field owners table<string, string> whose they are: `recipe dropbear`, `the system`

-- The accounts of every root. Ids below 1000 are for the system and its packages.
local USERS <const> = {
  root = { uid = 0, group = "root", home = "/root", shell = "/bin/sh" },
  nobody = { uid = 65534, group = "nogroup", home = false, shell = "/bin/false" },
}
-- The ids of Debian's `base-passwd`, where it has such a group; `tty` is the one that devpts is mounted with. `wheel` is for
-- those who may become root.
local GROUPS <const> = { root = 0, tty = 5, wheel = 10, users = 100, nogroup = 65534 }

local MAX_ID <const> = 4294967294
local SHELL <const> = "/bin/sh"
--- Nobody logs in as a system account.
local NO_SHELL <const> = "/bin/false"

local NAME <const> = kinds.text("[%l_][%l%d_-]*", "the name of a user or group", 31)
local ID <const> = kinds.whole(0, MAX_ID)
--- Ids from 1000 up are for those who use the system, so no recipe takes one.
local RECIPE_ID <const> = kinds.whole(1, 999)
local HASH <const> =
  kinds.text("%$[%w-]+%$[%w./$=,+-]+", "a hash such as `openssl passwd -6` prints; passwords are never in a page", 512)
local KEY <const> = kinds.text("%l[%w@.-]+ [%w+/]+=* ?[^%c]*", "a public key of ssh: a line of a `.pub` file", 16384)
local COMMENT <const> = kinds.text("[^%c:]*", "a text of one line without `:`", 256)

---@param value any
---@param say bq.system.Say
---@param at string
local function home(value, say, at)
  if value == "/" then
    say(at, "is `/`, which is nobody's home; `false` means none")
  elseif value ~= false then
    kinds.path(value, say, at)
  end
end

local SYSTEM_USER <const> = kinds.record {
  uid = RECIPE_ID,
  ["group?"] = NAME,
  ["groups?"] = kinds.list(NAME),
  ["comment?"] = COMMENT,
  ["home?"] = home,
  ["shell?"] = kinds.path,
}
local USER <const> = kinds.record {
  ["uid?"] = ID,
  ["group?"] = NAME,
  ["groups?"] = kinds.list(NAME),
  ["comment?"] = COMMENT,
  ["home?"] = home,
  ["shell?"] = kinds.path,
  ["keys?"] = kinds.list(KEY),
  ["password?"] = HASH,
  ["has_password?"] = kinds.flag,
}
local GROUP <const> = kinds.record { gid = ID }
local GROUPS_KIND <const> = kinds.map(NAME, GROUP)
local SYSTEM_USERS <const> = kinds.map(NAME, SYSTEM_USER)
local USERS_KIND <const> = kinds.map(NAME, USER)

--- What is wrong with the system accounts of a recipe.
---@param value table
---@param say bq.system.Say
function accounts.check_users(value, say)
  SYSTEM_USERS(value, say, "users")
end

--- What is wrong with the groups of a recipe or a system.
---@param value table
---@param say bq.system.Say
function accounts.check_groups(value, say)
  GROUPS_KIND(value, say, "groups")
end

--- What is wrong with the users of a system.
---@param value any
---@param say bq.system.Say
---@param at string
function accounts.users(value, say, at)
  USERS_KIND(value, say, at)
  for name, user in tables.sorted(type(value) == "table" and #value == 0 and value or {}) do
    -- Those of every root have their ids.
    if type(user) == "table" and user.uid == nil and not USERS[name] then
      say(("%s.%s.uid"):format(at, name), "is missing: an id stays the same when users are added")
    elseif type(user) == "table" and user.uid ~= nil and USERS[name] and user.uid ~= USERS[name].uid then
      say(("%s.%s.uid"):format(at, name), ("is %s, and that of `%s` is %d"):format(user.uid, name, USERS[name].uid))
    end
  end
end

--- Adds a group. A second one of its name or id is a mistake.
local function add_group(all, name, gid, owner, say, at)
  local before = all.groups[name]
  if before == gid then
    return
  elseif before then
    say(at, ("is %d, and %s gives `%s` the id %d"):format(gid, all.owners["group " .. name], name, before))
    return
  end
  for other, id in tables.sorted(all.groups) do
    if id == gid then
      say(at, ("is %d, which is the id of group `%s` of %s"):format(gid, other, all.owners["group " .. other]))
      return
    end
  end
  all.groups[name], all.owners["group " .. name] = gid, owner
end

local function add_user(all, name, user, owner, shell, say, at)
  local before = all.users[name]
  if before and all.owners[name] ~= "every root" then
    say(at, ("is also a user of %s"):format(all.owners[name]))
    return
  end
  local uid = user.uid or before and before.uid
  if not uid then
    return
  end
  for other, one in tables.sorted(all.users) do
    if one.uid == uid and other ~= name then
      say(at .. ".uid", ("is %d, which is the id of `%s` of %s"):format(uid, other, all.owners[other]))
      return
    end
  end
  local made = before or { home = shell == SHELL and "/home/" .. name or false, shell = shell } ---@type table<string, any>
  local new = {} ---@type table<string, any>
  for _, layer in ipairs { made, user } do
    for field, value in pairs(layer) do
      new[field] = value
    end
  end
  new.uid = uid
  new.group = new.group or name
  all.users[name], all.owners[name] =
    new, --[[@as bq.system.User]]
    owner
end

--- Joins the accounts of every root, of packages and of a system.
---@param packages { name: string, users?: table, groups?: table }[] steps of the plan
---@param system { users?: table, groups?: table }
---@param say bq.system.Say told of clashes
---@return bq.system.Accounts
function accounts.join(packages, system, say)
  ---@type bq.system.Accounts
  local all = { users = {}, groups = {}, owners = {} }
  for name, gid in tables.sorted(GROUPS) do
    add_group(all, name, gid, "every root", say, name)
  end
  for name, user in tables.sorted(USERS) do
    add_user(all, name, user, "every root", user.shell, say, name)
  end
  local sources = {}
  for _, package in ipairs(packages) do
    sources[#sources + 1] = {
      users = package.users,
      groups = package.groups,
      owner = ("package `%s`"):format(package.name),
      shell = NO_SHELL,
    }
  end
  sources[#sources + 1] = { users = system.users, groups = system.groups, owner = "the system", shell = SHELL }
  for _, source in ipairs(sources) do
    local prefix = source.shell == SHELL and "" or source.owner .. ": "
    for name, group in tables.sorted(source.groups or {}) do
      add_group(all, name, group.gid, source.owner, say, ("%sgroups.%s"):format(prefix, name))
    end
    for name, user in tables.sorted(source.users or {}) do
      add_user(all, name, user, source.owner, source.shell, say, ("%susers.%s"):format(prefix, name))
    end
  end
  for name, user in tables.sorted(all.users) do
    if user.group == name and not all.groups[name] then
      add_group(all, name, user.uid, all.owners[name], say, ("users.%s.uid"):format(name))
    end
  end
  local homes = {}
  for name, user in tables.sorted(all.users) do
    local before = user.home and homes[user.home]
    if before then
      say(("users.%s.home"):format(name), ("is `%s`, and so is that of `%s`"):format(user.home, before))
    end
    homes[user.home or ""] = name
    for _, group in ipairs(tables.append({ user.group }, user.groups)) do
      if not all.groups[group] and group ~= name then
        say(("users.%s"):format(name), ("is in group `%s`, which is not there; add it to `groups`"):format(group))
      end
    end
  end
  return all
end

--- The shells that people log in by: servers let in nobody else, see shells(5).
local function shells(all)
  local out = { [SHELL] = true }
  for _, user in pairs(all.users) do
    out[user.shell] = user.shell ~= NO_SHELL and not user.shell:find "/nologin$" or nil
  end
  return table.concat(tables.names(out), "\n") .. "\n"
end

local function by_id(names, id)
  local list = tables.names(names)
  table.sort(list, function(a, b)
    return id(a) < id(b)
  end)
  return list
end

--- Writes the files of the accounts.
---@param all bq.system.Accounts
---@param passwords table<string, string> hashes by user
---@param files table<string, bq.system.File> by path; changed
function accounts.render(all, passwords, files)
  local passwd, group, shadow = {}, {}, {}
  local names = by_id(all.users, function(name)
    return all.users[name].uid
  end)
  for _, name in ipairs(names) do
    local user = all.users[name]
    local gid, folder = all.groups[user.group], user.home or "/"
    passwd[#passwd + 1] = ("%s:x:%d:%d:%s:%s:%s\n"):format(
      name,
      user.uid,
      gid,
      user.comment or name,
      folder,
      user.shell
    )
    -- Not `!`: sshd takes that for an account nobody may use, also by a key.
    -- The least age, 0, changes nothing; but busybox does not find a line without any number once an earlier call has failed, as
    -- those for a terminal do if the password of `su` comes through a pipe.
    shadow[#shadow + 1] = ("%s:%s::0:::::\n"):format(name, passwords[name] or "*")
    if user.home then
      local mine = { uid = user.uid, gid = gid }
      files[user.home] = { folder = true, mode = "0700", uid = mine.uid, gid = mine.gid }
      if #(user.keys or {}) > 0 then
        files[user.home .. "/.ssh"] = { folder = true, mode = "0700", uid = mine.uid, gid = mine.gid }
        files[user.home .. "/.ssh/authorized_keys"] = {
          text = table.concat(user.keys --[[@as string[] ]], "\n") .. "\n",
          mode = "0600",
          uid = mine.uid,
          gid = mine.gid,
        }
      end
    end
  end
  local groups = by_id(all.groups, function(name)
    return all.groups[name]
  end)
  for _, name in ipairs(groups) do
    local members = {}
    for _, user in ipairs(names) do
      members[#members + 1] = tables.contains(all.users[user].groups or {}, name) and user or nil
    end
    group[#group + 1] = ("%s:x:%d:%s\n"):format(name, all.groups[name], table.concat(members, ","))
  end
  files["/etc/passwd"] = { text = table.concat(passwd) }
  files["/etc/group"] = { text = table.concat(group) }
  files["/etc/shells"] = { text = shells(all) }
  files["/etc/shadow"] = { text = table.concat(shadow), mode = "0600", secret = true }
end

--- Whether somebody who is not root may want to become it by a password.
---@param all bq.system.Accounts
---@param passwords table<string, string>
---@return boolean
function accounts.wants_su(all, passwords)
  local people = false
  for name, owner in pairs(all.owners) do
    people = people or owner == "the system" and name ~= "root" and all.users[name] ~= nil
  end
  return people and passwords.root ~= nil
end

return accounts
