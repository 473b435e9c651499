-- Numbers for people.
local report = {}

--- Seconds for people: `0.4 s`, `12 s`, `3 min 20 s`.
---@param seconds number
---@return string
function report.time(seconds)
  if seconds < 10 then
    return ("%.1f s"):format(seconds)
  elseif seconds < 100 then
    return ("%.0f s"):format(seconds)
  end
  local whole = math.floor(seconds)
  if whole < 3600 then
    return ("%d min %d s"):format(whole // 60, whole % 60)
  end
  return ("%d h %d min"):format(whole // 3600, whole % 3600 // 60)
end

--- A number of things: `1 path`, `3 paths`.
---@param count integer
---@param one string a word whose plural ends with `s`
---@return string
function report.count(count, one)
  return ("%d %s%s"):format(count, one, count == 1 and "" or "s")
end

--- Bytes for people.
---@param bytes number
---@return string
function report.size(bytes)
  local units, index = { "B", "KB", "MB", "GB" }, 1
  while bytes >= 1000 and index < #units do
    bytes, index = bytes / 1000, index + 1
  end
  return (index == 1 and "%d %s" or "%.1f %s"):format(bytes, units[index])
end

return report
