-- Unpacks the sources of a step into its folder. If that fails, the error says what to write in the recipe.
local archive = require "bq.archive"
local digest = require "bq.digest"
local fail = require "bq.fail"
local fs = require "bq.fs"
local tables = require "bq.tables"

local unpack = {}

---@class bq.JobSource
---@field path string
---@field sha256 string
---@field name string of the file at its place
---@field strip? integer
---@field exclude? string[]
---@field unpack? false the file is not an archive

--- The field to write into the recipe, beside the address of the source.
local function advice(err, file)
  if err.unknown then
    return "for a file that is no archive: `unpack = false` beside the source's address"
  elseif err.lost then
    local names = {}
    for name in err.lost:gmatch "[^\n]+" do
      names[#names + 1] = ("%q"):format(name)
    end
    local less = (file.strip or 1) - 1
    return ("if they are wanted: `strip = %d` beside the source's address; if not: `exclude = { %s }`"):format(
      math.max(less, 0),
      table.concat(names, ", ")
    )
  elseif err.excludable then
    -- A pattern for many files begins with their common folder.
    local folder = err.excludable:match "^(.+)/[^/]*$"
    local pattern = ("%q"):format(folder and folder .. "/*" or err.excludable)
    return ("if the build does not need it: `exclude = { %s }` beside the source's address"):format(pattern)
  end
end

--- Writes to the log which metadata was not kept when a source was unpacked.
local function say_dropped(file, dropped)
  for _, what in ipairs(tables.names(dropped)) do
    print(("%s: `%s` of %d files is not kept"):format(file.name, what, dropped[what]))
  end
end

--- Unpacks or copies one source into a folder.
---@param file bq.JobSource
---@param target string
---@param options { include?: string[], epoch: integer }
function unpack.one(file, target, options)
  if file.unpack == false then
    local actual = digest.file(file.path)
    if actual ~= file.sha256 then
      fail.raise(("the source `%s` is not what was fetched"):format(file.name), {
        cause = ("sha256 is %s, expected %s"):format(actual, file.sha256),
      })
    end
    fs.mkdir(target)
    local path = target .. "/" .. file.name
    fs.copy(file.path, path)
    fs.chmod(path, tonumber("644", 8))
    fs.utime(path, options.epoch)
    return
  end
  local ok, result = pcall(archive.extract, {
    path = file.path,
    sha256 = file.sha256,
    target = target,
    strip = file.strip or 1,
    include = options.include,
    exclude = file.exclude,
    mtime = options.epoch,
    merge = true,
  })
  if not ok then
    local hint = type(result) == "table" and advice(result, file)
    if not hint then
      error(result, 0)
    end
    fail.raise(("cannot unpack the source `%s`"):format(file.name), { cause = result, hint = hint })
  end
  say_dropped(file, result.dropped)
end

--- Unpacks all sources of a job: the main one to the source tree, the others to folders of their names in the build
--- folder.
---@param job bq.Job
---@param at bq.JobPaths
function unpack.all(job, at)
  for _, name in ipairs(tables.names(job.sources)) do
    unpack.one(job.sources[name], name == "main" and at.src or at.build .. "/" .. name, {
      include = name == "main" and job.step.fields.include or nil,
      epoch = job.epoch,
    })
  end
end

return unpack
