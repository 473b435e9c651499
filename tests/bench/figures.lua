-- Figures of a benchmark: whether they are what is wanted, as a table, and in a file between two marks.
local fail = require "bq.fail"
local fs = require "bq.fs"

local figures = {}

local FIRST <const>, LAST <const> = "<!-- bench -->\n", "<!-- /bench -->\n"

---@class bq.bench.Row
---@field name string
---@field what string
---@field beside string the usual tool
---@field ours? fun(): number? returns MB, if it knows how much memory it took
---@field theirs? fun()
---@field more? fun(): table further fields, once it is known that the row is wanted
---@field prepare? fun()
---@field finish? fun()
---@field tools? string[] programs that have to be there
---@field data? any what is measured with
---@field needs_data? boolean
---@field size_of? string a file that both make
---@field reach? number at most this ratio to the tool
---@field at_most? number or this many seconds, beyond the tool's if there is one
---@field per? integer how often what is measured was done more than by `theirs`
---@field alone? boolean `theirs` is shown and does not count
---@field often? integer how many times as often as others it is run
---@field once? boolean it takes too long to be run again
---@field before? fun() what is done before each run, and not measured
---@field max_memory? number MB
---@field within? number at most this ratio of sizes

---@class bq.bench.Result
---@field name string
---@field what string
---@field beside string
---@field ours number seconds
---@field theirs? number
---@field memory? number MB
---@field size_ratio? number
---@field ratio? number
---@field reach string
---@field reached boolean

--- Says of a result what was to be reached, and whether it was.
---@param row bq.bench.Row
---@param result bq.bench.Result
---@return bq.bench.Result
function figures.judge(row, result)
  if row.per then
    result.ours, result.theirs = (result.ours - result.theirs) / row.per, nil
  end
  if row.reach then
    result.ratio, result.reach = result.ours / result.theirs, ("≤ %.2f ×"):format(row.reach)
    result.reached = result.ratio <= row.reach
  else
    local beyond = result.theirs and not row.alone
    result.reach = (row.at_most < 1 and "≤ %d ms%s" or "≤ %d s%s"):format(
      row.at_most < 1 and row.at_most * 1000 or row.at_most,
      beyond and " more" or ""
    )
    result.reached = result.ours - (beyond and result.theirs or 0) <= row.at_most
  end
  if row.max_memory and result.memory then
    result.reach = ("%s, ≤ %d MB"):format(result.reach, row.max_memory)
    result.reached = result.reached and result.memory <= row.max_memory
  end
  if row.within and result.size_ratio then
    result.reach = ("%s, size ≤ %.2f ×"):format(result.reach, row.within)
    result.reached = result.reached and result.size_ratio <= row.within
  end
  return result
end

local function time(seconds)
  return seconds < 0.1 and ("%.1f ms"):format(seconds * 1000) or ("%.2f s"):format(seconds)
end

--- In a table a bar would begin the next cell, in code too.
local function cell(text)
  return (text:gsub("|", "\\|"))
end

--- The table, in Markdown.
---@param results bq.bench.Result[]
---@param machine string
---@param runs integer
---@return string
function figures.text(results, machine, runs)
  local lines = {
    ("On %s, medians of %d runs each, in turn:"):format(machine, runs),
    "",
    "| what | beside | bq | tool | ratio | reach |",
    "| --- | --- | --- | --- | --- | --- |",
  }
  for _, result in ipairs(results) do
    local more = (result.memory and result.reach:find "MB" and (", %.0f MB"):format(result.memory) or "")
      .. (result.size_ratio and (", size %.2f ×"):format(result.size_ratio) or "")
    lines[#lines + 1] = ("| %s | %s | %s%s | %s | %s | %s%s |"):format(
      cell(result.what),
      cell(result.beside),
      time(result.ours),
      more,
      result.theirs and time(result.theirs) or "",
      result.ratio and ("%.2f"):format(result.ratio) or "",
      result.reach,
      result.reached and "" or " (missed)"
    )
  end
  return table.concat(lines, "\n")
end

--- Puts a text between the two marks of a file.
---@param path string
---@param text string
function figures.place(path, text)
  local content = fs.read(path)
  local _, from = content:find(FIRST, 1, true)
  local to = from and content:find(LAST, from, true)
  if not to then
    fail.raise(
      ("`%s` has no place for the table"):format(path),
      { hint = "put these two lines into it: `<!-- bench -->` and `<!-- /bench -->`" }
    )
  end
  fs.write(path, content:sub(1, from) .. "\n" .. text .. "\n\n" .. content:sub(to), { mode = fs.stat(path).mode })
end

return figures
