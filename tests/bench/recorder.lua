-- Writes down what a step does, as lines of shell that do it again: its commands as they are, and as archives the files
-- that its Lua puts into its source, build and output folders. The step's own process loads this text.
local archive = require "bq.archive"
local fs = require "bq.fs"

local recorder = {}

--- The folder of a record, in the step's home: `step.sh`, and what it reads.
recorder.FOLDER = ".record"
--- This file, where it was required.
recorder.PATH = select(2, ...)

--- A word as a shell wants it.
---@param word string
---@return string
function recorder.quote(word)
  return word:find "^[%w_./:=,+@%%-]+$" and word or "'" .. word:gsub("'", "'\\''") .. "'"
end

local quote = recorder.quote

local PERMISSIONS <const>, FOLDER_MODE <const> = tonumber("7777", 8), tonumber("755", 8)

---@class bq.bench.Record: bq.run.Observer
---@field step bq.Step
---@field folder string
---@field count integer of the files beside `step.sh`
---@field lines string[]
---@field seen? table<string, string> what lay in the step's folders after the last command; `nil` once that is not wanted
local Record = {}
Record.__index = Record

---@param text string
function Record:add(text)
  self.lines[#self.lines + 1] = text
end

function Record:file(ending)
  self.count = self.count + 1
  return ("%d.%s"):format(self.count, ending)
end

--- What lies in the step's folders: the type of each path, and what tells a changed file from the one before.
---@return table<string, string>
function Record:look()
  local seen = {}
  for _, folder in ipairs { self.step.src, self.step.build, self.step.dest } do
    for _, entry in ipairs(fs.walk(folder)) do
      local path = folder .. "/" .. entry.path
      if entry.type == "dir" then
        seen[path] = ("dir %o"):format(entry.mode)
      else
        local stat = assert(fs.lstat(path))
        seen[path] = ("%s %o %d %d %d"):format(stat.type, stat.mode, stat.ino, stat.size, stat.mtime)
      end
    end
  end
  return seen
end

--- What Lua removed since the last command goes; returns what it put somewhere, or changed.
---@return string[] paths
function Record:changed()
  local before, now, gone, changed = self.seen, self:look(), {}, {}
  for path, state in pairs(before) do
    if not now[path] or now[path]:match "^%a+" ~= state:match "^%a+" then
      gone[#gone + 1] = ('rm -rf "$root"%s'):format(quote(path))
    end
  end
  table.sort(gone)
  table.move(gone, 1, #gone, #self.lines + 1, self.lines)
  for path, state in pairs(now) do
    changed[#changed + 1] = before[path] ~= state and path or nil
  end
  return changed
end

--- What Lua put somewhere becomes an archive; folders are made.
function Record:flush()
  if not self.seen then
    return
  end
  local folders, modes, links, sources = {}, {}, {}, {}
  for _, path in ipairs(self:changed()) do
    local stat = fs.lstat(path)
    if stat and stat.type == "dir" then
      folders[#folders + 1] = ('"$root"%s'):format(quote(path))
      if stat.mode & PERMISSIONS ~= FOLDER_MODE then
        modes[#modes + 1] = ('chmod %o "$root"%s'):format(stat.mode & PERMISSIONS, quote(path))
      end
    elseif stat and stat.type == "link" then
      links[#links + 1] = ('mkdir -p "$root"%s && ln -sfn %s "$root"%s'):format(
        quote(path:match "^(.*)/"),
        quote(fs.readlink(path)),
        quote(path)
      )
    elseif stat then
      sources[#sources + 1] = { path = path, prefix = path:sub(2) }
    end
  end
  table.sort(folders)
  if #folders > 0 then
    self:add("mkdir -p " .. table.concat(folders, " "))
  end
  for _, lines in ipairs { modes, links } do
    table.sort(lines)
    table.move(lines, 1, #lines, #self.lines + 1, self.lines)
  end
  if #sources > 0 then
    table.sort(sources, function(a, b)
      return a.path < b.path
    end)
    local name, names = self:file "tar", {}
    archive.pack { output = self.folder .. "/" .. name, sources = sources, compression = "none" }
    for index, source in ipairs(sources) do
      names[index] = source.prefix .. "\n"
    end
    fs.write(("%s/%s.names"):format(self.folder, name), table.concat(names), { sync = false })
    -- By name, without the folders above: the root may be one that others use, in a test the machine's, and tar would
    -- change their modes (`--no-overwrite-dir` changes them for a while).
    self:add(
      ('tar -xmf "$record"/%s -C "$root" --verbatim-files-from --no-unquote -T "$record"/%s.names'):format(name, name)
    )
  end
end

--- A program that is run inside, in a folder, with nothing but its own environment.
---@param call bq.run.Command
function Record:command(call)
  self:flush()
  local words, names = { "env -i" }, {}
  for name in pairs(call.env) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = name == "MAKEFLAGS" and "-j" .. self.step.jobs or call.env[name]
    words[#words + 1] = quote(name .. "=" .. value)
  end
  words[#words + 1] = ([["$chroot" "$root" /bin/sh -c 'cd "$1" && shift && exec "$@"' sh %s]]):format(quote(call.cwd))
  for _, word in ipairs(call.argv) do
    words[#words + 1] = quote(word)
  end
  local from = "/dev/null"
  if call.input then
    local name = self:file "in"
    fs.write(self.folder .. "/" .. name, call.input, { sync = false })
    from = '"$record"/' .. name
  end
  words[#words + 1] = "< " .. from
  for _, code in ipairs(call.ok or {}) do
    words[#words + 1] = ("|| test $? = %d"):format(code)
  end
  self:add(table.concat(words, " "))
end

--- What the command changed is no work of Lua.
function Record:ran()
  self.seen = self.seen and self:look()
end

--- From now on only commands count: the rest of what makes an output the same everywhere is no part of a build.
function Record:normalise()
  self:flush()
  self.seen = nil
end

--- What `strip` made is put into the file itself.
---@param path string
---@param from string
function Record:refilled(path, from)
  self:add(('cat "$root"%s > "$root"%s'):format(quote(from), quote(path)))
end

function Record:finish()
  self:add(('find "$root"%s -name "*.la" -delete'):format(self.step.dest))
  fs.write(self.folder .. "/step.sh", table.concat(self.lines, "\n") .. "\n", { sync = false })
end

--- Records all that a step does from now on.
---@param current bq.Step
---@param home string the record is in its folder `FOLDER`
---@return bq.bench.Record
function recorder.new(current, home)
  local folder = home .. "/" .. recorder.FOLDER
  fs.mkdir(folder)
  local record = setmetatable({ step = current, folder = folder, count = 0, lines = {} }, Record)
  record.seen = record:look()
  return record
end

return recorder
