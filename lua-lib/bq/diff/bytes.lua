-- Compares bytes of which nothing is known: where they differ, and the numbers there.
local cause = require "bq.diff.cause"
local hex = require "bq.hex"
local report = require "bq.report"

local bytes_of = {}

-- How many places are shown, and how many bytes are compared one by one.
local MOST_PLACES <const>, MOST <const> = 5, 4 << 20
local BLOCK <const> = 4096

--- The places in which two texts of one length differ: runs of bytes that are close to each other.
local function places(a, b)
  local out, count = {}, 0
  for block = 1, math.min(#a, MOST), BLOCK do
    local last = math.min(block + BLOCK - 1, #a)
    if a:sub(block, last) ~= b:sub(block, last) then
      for at = block, last do
        if a:byte(at) ~= b:byte(at) then
          count = count + 1
          local run = out[#out]
          if run and at - run.last <= 4 then
            run.last = at
          else
            out[#out + 1] = { first = at, last = at }
          end
        end
      end
    end
  end
  return out, count
end

--- Whether the four bytes at a place look like text: three of them are letters or the like.
local function is_text(bytes, first)
  local _, count = bytes:sub(first, first + 3):gsub("[\32-\126]", "")
  return count >= 3
end

--- A time around a place, if both sides have one: a number of four bytes, in either order of bytes.
local function time_at(a, b, run)
  if run.last - run.first > 3 then
    return nil
  end
  for first = math.max(1, run.last - 3), math.min(run.first, #a - 3) do
    -- Only what stands at a place for numbers.
    local is_number = (first - 1) % 4 == 0 and not (is_text(a, first) and is_text(b, first))
    for _, format in ipairs(is_number and { "<I4", ">I4" } or {}) do
      local ours, theirs = (format):unpack(a, first), (format):unpack(b, first)
      if cause.are_times(ours, theirs) then
        return ours, theirs
      end
    end
  end
end

--- Whether bytes of the same length differ in numbers only that may be times.
---@param a string
---@param b string
---@return boolean
function bytes_of.are_times(a, b)
  local runs = #a == #b and places(a, b) or {}
  for _, run in ipairs(runs) do
    if not time_at(a, b, run) then
      return false
    end
  end
  return #runs > 0
end

--- Compares bytes of the same length.
---@param node bq.diff.Node changed
---@param a string
---@param b string
---@param follows? boolean the bytes follow from others: none are shown, and no number in them is a time
function bytes_of.compare(node, a, b, follows)
  local runs, count = places(a, b)
  local is_known = #runs > 0
  node:fact(
    ("%s %s, in %s; the first is byte %d"):format(
      report.count(count, "byte"),
      count == 1 and "differs" or "differ",
      report.count(#runs, "place"),
      runs[1] and runs[1].first - 1 or MOST
    )
  )
  for index, run in ipairs(runs) do
    local ours, theirs = time_at(a, b, run)
    if ours and theirs and not follows then
      local said = ("%s → %s, if it is one"):format(cause.date(ours), cause.date(theirs))
      node:because { cause.likely("a time", ("a number at byte %d: %s"):format(run.first - 1, said)) }
    else
      is_known = false
    end
    if index <= MOST_PLACES and not follows then
      local last = math.min(run.last, run.first + 15)
      node:line("-", ("%08x  %s"):format(run.first - 1, hex(a:sub(run.first, last))))
      node:line("+", ("%08x  %s"):format(run.first - 1, hex(b:sub(run.first, last))))
    end
  end
  node.open = node.open or not is_known
end

return bytes_of
