-- Text of strangers for a terminal: what would be a command to it is shown instead, as `\x1b`.

--- Shows the control characters of a text; tabs and the ends of lines stay.
---@param text string
---@return string
local function visible(text)
  text = text:gsub("[%z\1-\8\11-\31\127]", function(byte)
    return ("\\x%02x"):format(byte:byte())
  end)
  -- The same once more as UTF-8: U+0080 to U+009F.
  return (text:gsub("\xc2[\x80-\x9f]", function(pair)
    return ("\\x%02x"):format(pair:byte(2))
  end))
end

return visible
