-- Versions of packages: their order, and what of a Debian version is the release of the original.
local version = {}

--- The order of a character that is no digit: `~` sorts before the end, letters before all others (Debian policy 5.6.12).
local function weight(char)
  if char == "~" then
    return -1
  elseif char == "" then
    return 0
  elseif char:find "%a" then
    return char:byte()
  end
  return char:byte() + 256
end

--- Compares two parts of versions: words and numbers in turn.
local function compare_parts(a, b)
  while a ~= "" or b ~= "" do
    local word_a, word_b = a:match "^%D*", b:match "^%D*"
    for index = 1, math.max(#word_a, #word_b) do
      local order = weight(word_a:sub(index, index)) - weight(word_b:sub(index, index))
      if order ~= 0 then
        return order
      end
    end
    a, b = a:sub(#word_a + 1), b:sub(#word_b + 1)
    local number_a, number_b = a:match "^%d*", b:match "^%d*"
    local plain_a, plain_b = number_a:gsub("^0+", ""), number_b:gsub("^0+", "")
    if #plain_a ~= #plain_b then
      return #plain_a - #plain_b
    elseif plain_a ~= plain_b then
      return plain_a < plain_b and -1 or 1
    end
    a, b = a:sub(#number_a + 1), b:sub(#number_b + 1)
  end
  return 0
end

--- Epoch, release and revision of a version.
local function split(text)
  local epoch, rest = text:match "^(%d+):(.*)$"
  rest = rest or text
  local release, revision = rest:match "^(.*)%-([^-]*)$"
  return { epoch or "0", release or rest, revision or "" }
end

--- Compares two versions by the rules of Debian policy 5.6.12.
---@param a string
---@param b string
---@return integer below 0 if `a` is older, 0 if they are the same, above 0 if `a` is newer
function version.compare(a, b)
  local parts_a, parts_b = split(a), split(b)
  for index = 1, 3 do
    local order = compare_parts(parts_a[index], parts_b[index])
    if order ~= 0 then
      return order
    end
  end
  return 0
end

--- The release of the original in a Debian version: `1:1.3.dfsg+really1.3.1-1` is of 1.3.1.
---@param text string
---@return string
function version.upstream(text)
  local upstream = text:gsub("^%d+:", ""):gsub("%-[^-]*$", "")
  local really = upstream:match "%+really(.*)$"
  upstream = (really or upstream):gsub("[+~.]dfsg.*$", ""):gsub("[+~.]ds%d*$", ""):gsub("[+~]repack.*$", "")
  return upstream
end

return version
