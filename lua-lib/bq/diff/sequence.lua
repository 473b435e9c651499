-- How two lists of texts differ: what was removed and added, and which of that stands for each other.
local sequence = {}

-- More changes than these are not searched for: the lists are then compared without their order. The search takes as many steps as
-- the square of this.
local MOST <const> = 800

---@class bq.diff.Hunk
---@field a_first integer the first line in the old list
---@field b_first integer
---@field removed string[]
---@field added string[]

--- The shortest way from one list to another between two borders, by Myers' algorithm: "An O(ND) Difference Algorithm and Its
--- Variations" (1986). `nil` if it is too long.
local function trace(a, b, first, a_last, b_last)
  local n, m = a_last - first + 1, b_last - first + 1
  local best, steps = { [1] = 0 }, {} ---@type table<integer, integer>, table<integer, integer>[]
  for distance = 0, math.min(n + m, MOST) do
    local copy = {}
    for k = -distance, distance, 2 do
      local is_down = k == -distance or k ~= distance and (best[k - 1] or -1) < (best[k + 1] or -1)
      local x = is_down and best[k + 1] or best[k - 1] + 1
      local y = x - k
      while x < n and y < m and a[first + x] == b[first + y] do
        x, y = x + 1, y + 1
      end
      best[k] = x
      copy[k] = x
      if x >= n and y >= m then
        steps[#steps + 1] = copy
        return steps, n, m
      end
    end
    steps[#steps + 1] = copy
  end
end

--- Marks what is removed and what is added.
local function marks(steps, n, m, first)
  local removed, added = {}, {}
  local x, y = n, m
  for distance = #steps - 1, 1, -1 do
    local best, k = steps[distance], x - y
    local is_down = k == -distance or k ~= distance and (best[k - 1] or -1) < (best[k + 1] or -1)
    local before = is_down and k + 1 or k - 1
    local from = best[before]
    if is_down then
      added[first + from - before] = true
    else
      removed[first + from] = true
    end
    x, y = from, from - before
  end
  return removed, added
end

--- The hunks between two lists; `nil` if they differ too much for that.
---@param a string[]
---@param b string[]
---@return bq.diff.Hunk[]?
function sequence.hunks(a, b)
  local first, a_last, b_last = 1, #a, #b
  while first <= a_last and first <= b_last and a[first] == b[first] do
    first = first + 1
  end
  while a_last >= first and b_last >= first and a[a_last] == b[b_last] do
    a_last, b_last = a_last - 1, b_last - 1
  end
  local steps, n, m = trace(a, b, first, a_last, b_last)
  if not steps then
    return nil
  end
  local removed, added = marks(steps, n, m, first)
  local out, i, j = {}, first, first
  while i <= a_last or j <= b_last do
    if removed[i] or added[j] then
      local hunk = { a_first = i, b_first = j, removed = {}, added = {} }
      while removed[i] or added[j] do
        if removed[i] then
          hunk.removed[#hunk.removed + 1] = a[i]
          i = i + 1
        else
          hunk.added[#hunk.added + 1] = b[j]
          j = j + 1
        end
      end
      out[#out + 1] = hunk
    else
      i, j = i + 1, j + 1
    end
  end
  return out
end

--- What is in one list more often than in the other, in the order of the lists.
---@param a string[]
---@param b string[]
---@return string[] only_a
---@return string[] only_b
function sequence.without_order(a, b)
  local function only(one, other)
    local counts, out = {}, {}
    for _, value in ipairs(other) do
      counts[value] = (counts[value] or 0) + 1
    end
    for _, value in ipairs(one) do
      local left = counts[value] or 0
      counts[value] = left - 1
      out[#out + 1] = left <= 0 and value or nil
    end
    return out
  end
  return only(a, b), only(b, a)
end

--- Whether two lists have the same values, in whatever order.
---@param a string[]
---@param b string[]
---@return boolean
function sequence.is_reordered(a, b)
  if #a ~= #b then
    return false
  end
  local gone, new = sequence.without_order(a, b)
  return #gone == 0 and #new == 0
end

return sequence
