-- Compares what two workspaces have of the same set, path by path, and says of each difference which change of bq explains it.
-- usage: bq tests/compare.lua BEFORE AFTER
--
-- A difference that nothing explains is an error: a change of bq has to be able to say what it changes.
local entries = require "bq.diff.entries"
local fail = require "bq.fail"
local fs = require "bq.fs"
local json = require "bq.json"
local log = require "bq.log"
local side = require "bq.diff.side"
local tables = require "bq.tables"

--- The outputs of a workspace's plan: the one that was built last of each step.
local function outputs(space)
  local out, times = {}, {}
  for _, key in ipairs(fs.list(space .. "/store")) do
    local folder = space .. "/store/" .. key
    if key:find "^%x+$" then
      local meta = json.decode(fs.read(folder .. "/meta.json"))
      local time = fs.stat(folder .. "/meta.json").ctime
      if not times[meta.step] or time > times[meta.step] then
        times[meta.step] = time
        out[meta.step] = { tree = folder .. "/output", attributes = meta.attributes or {}, digest = meta.output }
      end
    end
  end
  return out
end

--- The entries of an output by path.
local function lines(output)
  return side.tree(output.tree, output.attributes).by_path
end

--- What explains a difference: each has the row of what comes out of a step, or what it sees, that it belongs to.
---@type { row: string, is: fun(path: string, before?: table, after?: table, step: string): boolean }[]
local EXPLAINED <const> = {
  {
    row = "modes stay as they were installed",
    is = function(_, before, after)
      return before
          and after
          and before.type == after.type
          and before.digest == after.digest
          and before.mode ~= after.mode
        or false
    end,
  },
  {
    row = "only libtool's files of libraries go",
    is = function(path, before, after)
      return not before and after ~= nil and path:find "%.la$" ~= nil
    end,
  },
  {
    row = "only what is for the machine is stripped",
    is = function(path, before, after)
      return before and after and before.type == "file" and after.size > before.size and path:find "%.[oa]$" ~= nil
        or false
    end,
  },
  {
    row = "C++ compiles in the system of set core",
    is = function(path, before, after, step)
      return step == "system/seed-clang"
        and (path == "opt/sysroot/etc/clang.cfg" or not before and after ~= nil and path:find "^opt/sysroot/lib" ~= nil)
    end,
  },
}

local function explanation(path, before, after, step)
  for _, one in ipairs(EXPLAINED) do
    if one.is(path, before, after, step) then
      return one.row
    end
  end
end

--- How two entries of a path differ; `nil` if they do not.
local function difference(before, after)
  if not before or not after then
    return before and "is gone" or "is new"
  end
  local facts = entries.difference(before, after)
  return facts[1] or before.digest ~= after.digest and "has another content" or nil
end

if #arg ~= 2 then
  fail.usage("two workspaces are compared", "`bq tests/compare.lua BEFORE AFTER`")
end
local before, after = outputs(arg[1]), outputs(arg[2])
local rows, unexplained, same = {}, 0, 0
local steps = {}
for _, side in ipairs { before, after } do
  for step in pairs(side) do
    steps[step] = true
  end
end
for _, step in ipairs(tables.names(steps)) do
  local one, two = before[step], after[step]
  if not one or not two then
    unexplained = unexplained + 1
    log.error(("%s is only in `%s`"):format(step, one and arg[1] or arg[2]))
  elseif one.digest == two.digest then
    same = same + 1
  else
    local left, right, paths = lines(one), lines(two), {}
    for _, side in ipairs { left, right } do
      for path in pairs(side) do
        paths[path] = true
      end
    end
    for _, path in ipairs(tables.names(paths)) do
      local what = difference(left[path], right[path])
      local row = what and explanation(path, left[path], right[path], step)
      if row then
        rows[row] = rows[row] or {}
        table.insert(rows[row], ("  %s: /%s %s"):format(step, path, what))
      elseif what then
        unexplained = unexplained + 1
        log.error(("%s: /%s %s"):format(step, path, what))
      end
    end
  end
end
for row, list in tables.sorted(rows) do
  log.info(("%s: %d paths"):format(row, #list))
  for _, line in ipairs(list) do
    log.raw(line)
  end
end
log.info(
  ("%d steps have the same output, %d of %d differ; %d differences are not explained"):format(
    same,
    #tables.names(steps) - same,
    #tables.names(steps),
    unexplained
  )
)
if unexplained > 0 then
  fail.exit(1)
end
