-- Writes down what a step does, as lines of shell that do it again: its commands as they are, the files that its Lua puts
-- there as archives. Loaded in the step's own process.
local archive = require "bq.archive"
local fs = require "bq.fs"

local recorder = {}

--- The folder of a record, in the step's home: `step.sh`, and what it reads.
recorder.FOLDER = ".record"

--- A word as a shell wants it.
---@param word string
---@return string
function recorder.quote(word)
  return word:find "^[%w_./:=,+@%%-]+$" and word or "'" .. word:gsub("'", "'\\''") .. "'"
end

local quote = recorder.quote

-- What puts something at a path: the number of the argument that names it.
local PUTS <const> = { write = 1, append = 1, chmod = 1, mkdir = 1, copy = 2, rename = 2, symlink = 2, link = 2 }
local REMOVES <const> = { remove = 1, remove_all = 1, rename = 1 }

local PERMISSIONS <const>, FOLDER_MODE <const> = tonumber("7777", 8), tonumber("755", 8)

---@class bq.bench.Record
---@field folder string
---@field count integer of the files beside `step.sh`
---@field lines string[]
---@field touched table<string, true> what Lua put somewhere since the last command
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

--- What Lua put somewhere becomes an archive; folders are made.
function Record:flush()
  local folders, modes, links, sources = {}, {}, {}, {}
  for path in pairs(self.touched) do
    local stat = fs.lstat(path)
    if stat and stat.type == "dir" then
      folders[#folders + 1] = ('"$root"%s'):format(quote(path))
      if stat.mode & PERMISSIONS ~= FOLDER_MODE then
        modes[#modes + 1] = ('chmod %o "$root"%s'):format(stat.mode & PERMISSIONS, quote(path))
      end
    elseif stat and stat.type == "link" then
      links[#links + 1] = ('mkdir -p "$root"%s && ln -sfn %s "$root"%s'):format(quote(path:match "^(.*)/"), quote(fs.readlink(path)), quote(path))
    elseif stat then
      sources[#sources + 1] = { path = path, prefix = path:sub(2) }
    end
  end
  self.touched = {}
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
    self:add(('tar -xmf "$record"/%s -C "$root" --verbatim-files-from --no-unquote -T "$record"/%s.names'):format(name, name))
  end
end

--- A program that is run inside, in a folder, with nothing but its own environment.
---@param argv string[]
---@param cwd string
---@param env table<string, string>
---@param input? string
---@param good? integer[] exit statuses that are no failure, besides 0
function Record:command(argv, cwd, env, input, good)
  self:flush()
  local words, names = { "env -i" }, {}
  for name in pairs(env) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    words[#words + 1] = quote(name .. "=" .. env[name])
  end
  words[#words + 1] = ([["$chroot" "$root" /bin/sh -c 'cd "$1" && shift && exec "$@"' sh %s]]):format(quote(cwd))
  for _, word in ipairs(argv) do
    words[#words + 1] = quote(word)
  end
  local from = "/dev/null"
  if input then
    local name = self:file "in"
    fs.write(self.folder .. "/" .. name, input, { sync = false })
    from = '"$record"/' .. name
  end
  words[#words + 1] = "< " .. from
  for _, code in ipairs(good or {}) do
    words[#words + 1] = ("|| test $? = %d"):format(code)
  end
  self:add(table.concat(words, " "))
end

--- Watches what Lua does to files by itself; returns what ends that.
function Record:watch()
  local own = {}
  for name, call in pairs(fs) do
    if PUTS[name] or REMOVES[name] then
      own[name] = call
      fs[name] = function(...)
        local gone, put = REMOVES[name] and select(REMOVES[name], ...), PUTS[name] and select(PUTS[name], ...)
        local result = call(...)
        if gone then
          self:flush()
          self:add(('rm -rf "$root"%s'):format(quote(gone)))
        end
        if put then
          self.touched[put] = true
          local stat = fs.lstat(put)
          -- A copied tree is what lies in it.
          for _, entry in ipairs(name == "copy" and stat.type == "dir" and fs.walk(put) or {}) do
            self.touched[put .. "/" .. entry.path] = true
          end
        end
        return result
      end
    end
  end
  return function()
    for name, call in pairs(own) do
      fs[name] = call
    end
  end
end

--- Records all that a step does from now on. The record is complete when it has been normalised.
---@param current bq.Step
---@param folder string
function recorder.attach(current, folder)
  fs.mkdir(folder)
  local record = setmetatable({ folder = folder, count = 0, lines = {}, touched = {} }, Record)
  local run, normalise = current.run, current.normalise
  function current:run(argv, options)
    options = options or {}
    local words, env = {}, {}
    for index, word in ipairs(argv) do
      words[index] = tostring(self:expand(word))
    end
    for _, layer in ipairs { self.env, options.env or {} } do
      for name, value in pairs(layer) do
        env[name] = tostring(value)
      end
    end
    if env.MAKEFLAGS then
      env.MAKEFLAGS = "-j" .. self.jobs
    end
    record:command(words, options.cwd or self.build, env, options.input, options.ok)
    return run(self, argv, options)
  end
  local stop = record:watch()
  function current:normalise()
    record:flush()
    stop()
    record:add(('find "$root"%s -name "*.la" -delete'):format(self.dest))
    normalise(self)
    fs.write(folder .. "/step.sh", table.concat(record.lines, "\n") .. "\n", { sync = false })
  end
end

--- Records the step that this process comes to build; again has no effect.
function recorder.start()
  local step, step_root = require "bq.run.step", require "bq.run.step_root"
  local new = recorder.new or step.new
  recorder.new = new
  function step.new(job)
    local current = new(job)
    recorder.attach(current, step_root.HOME .. "/" .. recorder.FOLDER)
    return current
  end
end

return recorder
