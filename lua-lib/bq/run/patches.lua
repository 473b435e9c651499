-- Applies the patches of a recipe to the source tree of a step.
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local patch = require "bq.patch"

local patches = {}

--- The note about a hunk for the log; `nil` if it is at its place.
local function place(index, hunk)
  if hunk.offset == 0 and hunk.fuzz == 0 then
    return nil
  end
  local text = ("hunk %d at line %d"):format(index, hunk.line)
  if hunk.offset ~= 0 then
    local count = math.abs(hunk.offset)
    text = text
      .. (", %d line%s %s its place"):format(count, count == 1 and "" or "s", hunk.offset > 0 and "after" or "before")
  end
  return hunk.fuzz == 0 and text or text .. ", fuzz " .. hunk.fuzz
end

--- A line of the log about a file.
local function describe(file)
  local text = "  " .. file.action .. " " .. (file.from and file.from .. " to " or "") .. file.path
  local places = {}
  for index, hunk in ipairs(file.hunks) do
    places[#places + 1] = place(index, hunk)
  end
  return #places > 0 and text .. ": " .. table.concat(places, "; ") or text
end

local function hint(err, fuzz)
  if err.code == "hunk" and fuzz == 0 then
    return "make the patch anew for this version; where only lines around a change differ, `patch_fuzz = 1` in the recipe allows that"
  end
  return "make the patch anew for this version"
end

--- The paths whose times a patch changed: its files and the folders above them.
local function touched(applied, seen)
  for _, file in ipairs(applied.files) do
    for _, path in ipairs { file.path, file.from } do
      while path ~= "." do
        seen[path] = true
        path = files.parent(path)
      end
    end
  end
end

--- Applies the patches in their order. Afterwards all files have the time of the unpacked tree again.
---@param step bq.Step
---@param list { name: string, hex?: string, text?: string }[] `hex` instead of `text` for bytes that are not UTF-8
function patches.apply(step, list)
  local seen, fuzz = {}, step.recipe.patch_fuzz or 0
  for _, one in ipairs(list) do
    local text = one.text or one.hex:gsub("%x%x", function(byte)
      return string.char(tonumber(byte, 16))
    end)
    local ok, applied = pcall(patch.apply, { text = text, root = step.src, fuzz = fuzz })
    if not ok then
      fail.raise(("`%s` does not apply"):format(one.name), { cause = applied.text, hint = hint(applied, fuzz) })
    end
    local stripped = applied.strip == 1 and "" or (", %d components stripped"):format(applied.strip)
    step:say("patch " .. one.name .. stripped)
    for _, file in ipairs(applied.files) do
      step:say(describe(file))
    end
    touched(applied, seen)
  end
  for path in pairs(seen) do
    if fs.lstat(step.src .. "/" .. path) then
      fs.utime(step.src .. "/" .. path, step.epoch)
    end
  end
  if next(seen) then
    fs.utime(step.src, step.epoch)
  end
end

return patches
