-- The machine's own apt: its Debian mirrors, and how an ordinary user runs it in a folder.
local fail = require "bq.fail"
local fs = require "bq.fs"
local files = require "bq.files"
local process = require "bq.process"
local progress = require "bq.progress"
local tables = require "bq.tables"

local apt = {}

--- The keyring that verifies the package lists of Debian's suites.
apt.KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

--- Debian's release names, by which an entry of a sources list is known to be Debian's own.
local RELEASES = {
  bullseye = true,
  bookworm = true,
  trixie = true,
  forky = true,
  sid = true,
  oldstable = true,
  stable = true,
  testing = true,
  unstable = true,
}

--- Why apt cannot verify Debian's lists on this machine, and one thing to do; `nil` if it can.
---@param keyring? string `apt.KEYRING` if absent
---@return string? reason
---@return string? hint
function apt.reason_against(keyring)
  keyring = keyring or apt.KEYRING
  if not apt.is_available() then
    return "this machine has no apt", "run it on a machine with apt"
  elseif not fs.stat(keyring) then
    return ("`%s` is missing"):format(keyring), "`sudo apt-get install debian-archive-keyring`"
  end
end

--- Whether this machine has apt.
---@return boolean
function apt.is_available()
  return process.which "apt-get" ~= nil
end

local function has_release(suites)
  for suite in suites:gmatch "%S+" do
    if RELEASES[suite:match "^[^-/]+"] then
      return true
    end
  end
  return false
end

--- Adds an entry's mirror, if it is one of Debian's that has whole releases.
local function add(out, uri, suites)
  local list = uri:match "^mirror%+file:/*(/.*)$"
  if list then
    -- A file with a mirror in each line, and maybe words about it.
    for line in (files.read(list) or ""):gmatch "[^\n]+" do
      add(out, line:match "^%s*([^%s#]+)" or "", suites)
    end
  elseif uri:find "^%l[%l+]*:" and not uri:find "^cdrom:" and not uri:find "security" and has_release(suites) then
    uri = uri:gsub("/+$", "")
    for _, known in ipairs(out) do
      if known == uri then
        return
      end
    end
    out[#out + 1] = uri
  end
end

--- The stanzas of a deb822 file: each a map of lowercase names to values, of which further lines begin with a space.
local function stanzas(text)
  local out, fields, last = {}, {}, nil
  for line in (text .. "\n\n"):gmatch "(.-)\r?\n" do
    local name, value = line:match "^(%a[%w-]*):%s*(.*)$"
    if name then
      last = name:lower()
      fields[last] = value
    elseif line:find "^%s+%S" and last then
      fields[last] = fields[last] .. line
    elseif not line:find "%S" then
      out[#out + 1], fields, last = fields, {}, nil
    end
  end
  return out
end

--- The Debian mirrors that this machine is configured for, in the order of its files.
---@param folder? string `/etc/apt` if absent
---@return string[]
function apt.mirrors(folder)
  folder = folder or "/etc/apt"
  local out, paths = {}, { folder .. "/sources.list" }
  for _, name in ipairs(files.list(folder .. "/sources.list.d")) do
    paths[#paths + 1] = folder .. "/sources.list.d/" .. name
  end
  for _, path in ipairs(paths) do
    local text = files.read(path) or ""
    if path:find "%.sources$" then
      for _, fields in ipairs(stanzas(text)) do
        local is_on = (fields.enabled or "yes"):lower() ~= "no" and (" " .. (fields.types or "") .. " "):find " deb "
        for uri in (is_on and fields.uris or ""):gmatch "%S+" do
          add(out, uri, fields.suites or "")
        end
      end
    elseif path:find "%.list$" then
      for line in text:gmatch "[^\n]+" do
        local uri, suite = line:gsub("%b[]", ""):match "^%s*deb%s+(%S+)%s+(%S+)"
        if uri then
          add(out, uri, suite)
        end
      end
    end
  end
  return out
end

--- The options that let apt work in a folder of ours, without root and without touching the machine's state.
---@param folder string
---@return string[]
function apt.options(folder)
  for _, name in ipairs { "etc/preferences.d", "state/lists/partial", "cache/archives/partial" } do
    fs.mkdir(folder .. "/" .. name)
  end
  fs.write(folder .. "/state/status", "", { sync = false })
  local out = {}
  for name, value in pairs {
    ["Dir::Etc"] = folder .. "/etc",
    ["Dir::Etc::SourceList"] = folder .. "/etc/sources.list",
    ["Dir::Etc::SourceParts"] = "/dev/null",
    ["Dir::Etc::Preferences"] = "/dev/null",
    ["Dir::Etc::PreferencesParts"] = folder .. "/etc/preferences.d",
    ["Dir::State"] = folder .. "/state",
    ["Dir::State::status"] = folder .. "/state/status",
    ["Dir::Cache"] = folder .. "/cache",
    ["APT::Sandbox::User"] = "",
    ["APT::Install-Recommends"] = "false",
    ["Acquire::Languages"] = "none",
    ["Debug::NoLocking"] = "1",
    ["Acquire::Retries"] = "3",
  } do
    out[#out + 1] = ("-o%s=%s"):format(name, value)
  end
  table.sort(out)
  return out
end

-- What apt's own programs may ask of the environment: the way to the network.
local PASSED = { "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR" }

--- The environment that apt runs in.
---@return table<string, string?>
function apt.environment()
  local env = { PATH = os.getenv "PATH", LC_ALL = "C", HOME = "/nonexistent" }
  for _, name in ipairs(PASSED) do
    env[name] = os.getenv(name)
  end
  return env
end

--- What apt printed that says why it failed: its lines that start with `E:` or `Err:`.
---@param text string
---@return string
function apt.complaint(text)
  local lines = {}
  for line in text:gmatch "[^\n]+" do
    local complaint = line:match "^E: (.*)" or line:match "^Err:%d* ?(.*)"
    if complaint then
      lines[#lines + 1] = complaint
    end
  end
  return #lines > 0 and table.concat(lines, "; ") or (text:match "([^\n]+)%s*$" or "no reason given")
end

--- Writes the sources list of a folder that `options` has prepared. A mirror's address may contain a password.
---@param folder string
---@param kind "deb"|"deb-src"
---@param mirror string
---@param suite string
---@param keyring? string `apt.KEYRING` if absent
function apt.write_sources(folder, kind, mirror, suite, keyring)
  keyring = fs.realpath(keyring or apt.KEYRING)
  local line = ("%s [signed-by=%s] %s %s main\n"):format(kind, keyring, mirror, suite)
  fs.write(folder .. "/etc/sources.list", line, { mode = files.mode "0600" })
end

--- Runs apt-get. Raises with its complaint if it fails.
---@param options string[] those of `options`, and more
---@param words string[] the command and its arguments
---@param what string what it is run for: `read the package lists`
---@return string stdout
function apt.get(options, words, what)
  local argv = { "apt-get", "-q", "-y" } ---@type string[]
  tables.append(tables.append(argv, options), words)
  local bar <close> = progress.bar { label = "apt" }
  bar:message(what)
  local result =
    process.run { argv = argv, env = apt.environment(), stdout = "capture", stderr = "capture", die_with_parent = true }
  if not result.ok then
    fail.raise(("cannot %s by apt"):format(what), { cause = apt.complaint(result.stderr .. "\n" .. result.stdout) })
  end
  return result.stdout
end

return apt
