-- Strips programs and libraries for the target's architecture, and archives that hold only objects for it. All other
-- files stay as they were installed, and so does a file that `strip` fails at.
local elf = require "bq.elf"
local fs = require "bq.fs"
local paths = require "bq.paths"
local tables = require "bq.tables"

local strip = {}

-- Compilers and linkers write their names and versions there, with what their distribution calls itself.
local NAMES <const> = "--remove-section=.comment"
local ARCHIVE <const> = "!<arch>\n"
local HEADER <const> = 60

--- The size and the name of an archive's member, from its header; `nil` if the bytes are not a header.
local function member(header)
  local name, size = header:sub(1, 16), header:sub(49, 58):match "^(%d+) *$"
  return header:sub(59, 60) == "`\n" and tonumber(size) or nil, name
end

--- The length of a name that an archive of BSD keeps before the member's content.
local function name_length(name)
  return tonumber(name:match "^#1/(%d+)") or 0
end

--- Whether an archive holds object files of one machine, and nothing else.
---@param path string
---@param machine string
---@return boolean
function strip.is_archive_of(path, machine)
  local file <close> = assert(io.open(path, "rb"))
  if file:read(#ARCHIVE) ~= ARCHIVE then
    return false
  end
  local at, count = #ARCHIVE, 0
  while true do
    file:seek("set", at)
    local header = file:read(HEADER)
    if not header then
      return count > 0
    end
    local size, name = member(header)
    if not size then
      return false
    end
    -- The table of symbols and the table of long names are not object files.
    if not name:find "^/[/ ]" and not name:find "^/SYM64/" then
      local skipped = name_length(name)
      local long = skipped > 0 and file:read(skipped) or ""
      if not (name .. long):find "__%.SYMDEF" then
        local of, kind = elf.machine(file:read(math.min(20, math.max(1, size - skipped))) or "")
        if of ~= machine or kind ~= "rel" then
          return false
        end
        count = count + 1
      end
    end
    at = at + HEADER + size + size % 2
  end
end

--- The arguments to strip a file; `nil` if it must not be stripped.
---@param path string
---@param size integer
---@param machine string
---@return string[]?
function strip.arguments(path, size, machine)
  local found = size >= 64 and elf.read(path) or nil
  if found then
    local is_ours = found.machine == machine and (found.kind == "exec" or found.kind == "dyn")
    -- Data after the end of a program, such as an archive that it unpacks, would be lost.
    return is_ours and found.size >= size and { "--strip-unneeded", NAMES } or nil
  end
  return size > #ARCHIVE + HEADER
      and strip.is_archive_of(path, machine)
      and { "--strip-debug", NAMES, "--enable-deterministic-archives" }
    or nil
end

-- How many bytes are copied at once.
local CHUNK <const> = 1 << 20

--- Puts the content of a file into another one, which stays the same file: its mode and its other names stay, and what
--- was noted of it.
local function refill(path, from)
  local source <close> = assert(io.open(from, "rb"))
  local target <close> = assert(io.open(path, "wb"))
  for bytes in source:lines(CHUNK) do
    assert(target:write(bytes))
  end
  assert(target:flush())
end

--- Strips the files of a step's output.
---@param b bq.Step
function strip.output(b)
  local is_kept, program = paths.matcher(b.recipe.keep), b.env.STRIP
  local stripped, done = b.build .. "/.stripped", {}
  if b.recipe.strip == false or not program then
    return
  end
  for _, entry in ipairs(fs.walk(b.dest)) do
    local path = b.dest .. "/" .. entry.path
    local arguments = entry.type == "file" and not is_kept(entry.path) and strip.arguments(path, entry.size, b.arch)
    local stat = arguments and fs.lstat(path)
    if arguments and not done[stat.ino] then
      done[stat.ino] = true
      fs.remove(stripped)
      if b:try(tables.append(tables.append({ program }, arguments), { "-o", stripped, path })) then
        refill(path, stripped)
        if b.observer then
          b.observer:refilled(path, stripped)
        end
      else
        b:say(("%s stays as it is"):format(path))
      end
    end
  end
end

return strip
