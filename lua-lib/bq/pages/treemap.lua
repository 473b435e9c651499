-- Sizes as areas: rectangles in a rectangle, as close to squares as they come. After Bruls, Huizing and van Wijk, "Squarified
-- Treemaps" (2000).
local treemap = {}

---@class bq.pages.Area
---@field item any
---@field x number
---@field y number
---@field width number
---@field height number

--- How far from a square the worst rectangle of a row is.
local function worst(row, sum, side)
  local out = 0
  for _, area in ipairs(row) do
    out = math.max(out, side * side * area / (sum * sum), sum * sum / (side * side * area))
  end
  return out
end

--- Divides a rectangle.
---@param items { size: number }[] the largest first; those without a size are left out
---@param x number
---@param y number
---@param width number
---@param height number
---@return bq.pages.Area[]
function treemap.divide(items, x, y, width, height)
  local total, out = 0, {}
  for _, item in ipairs(items) do
    total = total + item.size
  end
  if total <= 0 or width <= 0 or height <= 0 then
    return out
  end
  local scale = width * height / total
  local index = 1
  while index <= #items and items[index].size > 0 do
    local side = math.min(width, height)
    if side < 0.01 then
      break
    end
    local row, sum, first = {}, 0, index
    while index <= #items and items[index].size > 0 do
      local area = items[index].size * scale
      row[#row + 1] = area
      if #row > 1 and worst(row, sum + area, side) > worst({ table.unpack(row, 1, #row - 1) }, sum, side) then
        row[#row] = nil
        break
      end
      sum, index = sum + area, index + 1
    end
    local thick, at = sum / side, 0
    for offset, area in ipairs(row) do
      local long = area / thick
      local one = { item = items[first + offset - 1] }
      if width >= height then
        one.x, one.y, one.width, one.height = x, y + at, thick, long
      else
        one.x, one.y, one.width, one.height = x + at, y, long, thick
      end
      out[#out + 1], at = one, at + long
    end
    if width >= height then
      x, width = x + thick, width - thick
    else
      y, height = y + thick, height - thick
    end
  end
  return out
end

return treemap
