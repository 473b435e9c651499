-- Takes a recipe's text to another version: the version, the names of files and the digests change, all else stays.
local pin = require "bq.source.pin"

local bump = {}

--- A text for a pattern that is taken literally.
local function literal(text)
  return (text:gsub("%p", "%%%0"))
end

--- Replaces one text by another wherever it stands as a whole string.
local function replace_string(text, old, new)
  return text:gsub("([\"'])" .. literal(old) .. "%1", function(quote)
    return quote .. new .. quote
  end)
end

---@class bq.BumpedPlace
---@field place table as the recipe writes it
---@field debian? string the name of the file in Debian's archive that the place has from now on
---@field sha256? string the digest of the file of the new version; without it the place is no longer pinned, and not used

--- Changes the version of a recipe.
---@param text string of the recipe
---@param old string
---@param new string
---@param changed bq.BumpedPlace[]
---@return string? text `nil` if the recipe does not say its version in so many words
function bump.text(text, old, new, changed)
  local count
  text, count = text:gsub("(version%s*=%s*)([\"'])" .. literal(old) .. "%2", function(before, quote)
    return before .. quote .. new .. quote
  end, 1)
  if count == 0 then
    return nil
  end
  for _, one in ipairs(changed) do
    local place, field = one.place, one.place.url and "url" or "debian"
    local name = place[field]
    if one.debian and one.debian ~= name then
      text = replace_string(text, name, one.debian)
      name = one.debian
    end
    if one.sha256 then
      local fields = { { "sha256", one.sha256 } } ---@type string[][]
      if place.pinned or name:find("{version}", 1, true) then
        fields[2] = { "pinned", new }
      end
      text = pin.write(text, field, name, fields) or text
    elseif place.sha256 then
      local sha256 = "%s*sha256%s*=%s*[\"']" .. place.sha256 .. "[\"'],?"
      local pinned = place.pinned and "%s*pinned%s*=%s*[\"']" .. literal(place.pinned) .. "[\"'],?" or ""
      local unpinned
      text, unpinned = text:gsub(sha256 .. pinned, "", 1)
      if unpinned == 0 then
        text = text:gsub(pinned .. sha256, "", 1)
      end
    end
  end
  return text
end

return bump
