-- Makes untrusted text safe for a terminal: control characters are shown as text, such as `\x1b`.

--- Shows the bytes that are not UTF-8.
local function show_invalid(text)
  local out, at = {}, 1
  while true do
    local _, bad = utf8.len(text, at)
    if not bad then
      return table.concat(out) .. text:sub(at)
    end
    out[#out + 1] = text:sub(at, bad - 1) .. ("\\x%02x"):format(text:byte(bad))
    at = bad + 1
  end
end

--- Shows the control characters of a text, and bytes that are not UTF-8. Tabs and newlines stay.
---@param text string
---@return string
local function visible(text)
  text = text:gsub("[%z\1-\8\11-\31\127]", function(byte)
    return ("\\x%02x"):format(byte:byte())
  end)
  -- The control characters U+0080 to U+009F, encoded as UTF-8.
  text = text:gsub("\xc2[\x80-\x9f]", function(pair)
    return ("\\x%02x"):format(pair:byte(2))
  end)
  return show_invalid(text)
end

return visible
