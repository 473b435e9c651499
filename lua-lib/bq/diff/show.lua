-- Shows what differs: as text, as data, and what it comes to.
local json = require "bq.json"
local report = require "bq.report"
local visible = require "bq.visible"

local show = {}

-- How many paths of one node are shown, unless all are asked for.
local MOST <const> = 200

--- A line for a terminal.
local function clean(text)
  return (visible(text):gsub("[\n\r]", " "))
end

---@param one bq.diff.Cause
---@return string
function show.cause(one)
  return ("%s %s: %s"):format(one.sure and "because of" or "likely because of", one.name, one.why)
end

--- The parts of a node, grouped by package; those without one come first.
---@param top bq.diff.Node
---@return { name?: string, nodes: bq.diff.Node[] }[]
function show.groups(top)
  local by_name, out = {}, {}
  for _, one in ipairs(top.nodes) do
    local name = one.package or ""
    if not by_name[name] then
      by_name[name] = { name = one.package, nodes = {} }
      out[#out + 1] = by_name[name]
    end
    table.insert(by_name[name].nodes, one)
  end
  table.sort(out, function(a, b)
    return (a.name or "") < (b.name or "")
  end)
  return out
end

--- The parts that are shown: what is below a folder that is on one side only is counted.
---@param nodes bq.diff.Node[]
---@return { node: bq.diff.Node, below: integer }[]
function show.shown(nodes)
  local out, top = {}, nil ---@type { node: bq.diff.Node, below: integer }[], { node: bq.diff.Node, below: integer }?
  for _, one in ipairs(nodes) do
    local prefix = top and top.node.name .. "/"
    if top and one.kind == top.node.kind and one.kind ~= "changed" and one.name:sub(1, #prefix) == prefix then
      top.below = top.below + 1
    else
      out[#out + 1] = { node = one, below = 0 }
      top = one.kind and out[#out] or nil
    end
  end
  return out
end

local add

local function add_parts(lines, nodes, indent, all)
  local space = ("  "):rep(indent)
  for index, shown in ipairs(show.shown(nodes)) do
    local child = shown.node
    if index > MOST and not all then
      lines[#lines + 1] = ("%s… and more: %d in all; `--all` shows them"):format(space, #nodes)
      break
    elseif child.kind == "gone" or child.kind == "added" then
      local below = shown.below > 0 and (", with %s below it"):format(report.count(shown.below, "path")) or ""
      lines[#lines + 1] = space .. clean(("%s: %s%s"):format(child.name, child.facts[1], below))
    else
      lines[#lines + 1] = space .. clean(child.name)
      add(lines, child, indent + 1, all)
    end
  end
end

function add(lines, one, indent, all)
  local space = ("  "):rep(indent)
  for _, fact in ipairs(one.facts) do
    lines[#lines + 1] = space .. clean(fact)
  end
  for _, line in ipairs(one.lines) do
    lines[#lines + 1] = space .. line.sign .. " " .. clean(line.text)
  end
  if one.cut > 0 then
    lines[#lines + 1] = ("%s… and %d more lines"):format(space, one.cut)
  end
  for _, reason in ipairs(one.causes) do
    lines[#lines + 1] = space .. clean(show.cause(reason))
  end
  for _, group in ipairs(show.groups(one)) do
    if group.name then
      lines[#lines + 1] = ("%spackage %s"):format(space, clean(group.name))
    end
    add_parts(lines, group.nodes, indent + (group.name and 1 or 0), all)
  end
end

--- All that differs, as lines.
---@param top bq.diff.Node
---@param all? boolean without a limit
---@return string[]
function show.lines(top, all)
  local lines = {}
  add(lines, top, 0, all)
  return lines
end

---@class bq.diff.Summary
---@field changed integer
---@field added integer
---@field gone integer
---@field open integer nodes of files with a difference that no cause is known for
---@field causes { name: string, sure: boolean, count: integer }[] the most frequent first

--- What it comes to.
---@param top bq.diff.Node
---@return bq.diff.Summary
function show.summary(top)
  ---@type bq.diff.Summary, table<string, { name: string, sure: boolean, count: integer }>
  local out, by_name = { changed = 0, added = 0, gone = 0, open = 0, causes = {} }, {}
  local function count(list)
    for _, one in ipairs(list) do
      local found = by_name[one.name]
      if not found then
        found = { name = one.name, sure = true, count = 0 }
        by_name[one.name] = found
        out.causes[#out.causes + 1] = found
      end
      found.count, found.sure = found.count + 1, found.sure and one.sure
    end
  end
  local function visit(one)
    local has_files = false
    for _, child in ipairs(one.nodes) do
      has_files = has_files or child.kind ~= nil
    end
    if one.kind and not has_files then
      local kind = one.kind --[[@as "changed"|"added"|"gone"]]
      out[kind] = out[kind] + 1
      out.open = out.open + (one:is_open() and 1 or 0)
      count(one:all_causes())
      return
    end
    count(one.causes)
    out.open = out.open + (one.open and 1 or 0)
    for _, child in ipairs(one.nodes) do
      visit(child)
    end
  end
  visit(top)
  table.sort(out.causes, function(a, b)
    if a.count ~= b.count then
      return a.count > b.count
    end
    return a.name < b.name
  end)
  return out
end

--- The summary as lines.
---@param top bq.diff.Node
---@return string[]
function show.summary_lines(top)
  local sum, words = show.summary(top), {}
  local lines = {}
  for _, one in ipairs { { "changed", "changed" }, { "gone", "gone" }, { "added", "new" } } do
    if sum[one[1]] > 0 then
      words[#words + 1] = ("%d %s"):format(sum[one[1]], one[2])
    end
  end
  lines[1] = #words > 0 and "paths: " .. table.concat(words, ", ") or nil
  words = {}
  for _, one in ipairs(sum.causes) do
    words[#words + 1] = ("%s%s (%d)"):format(one.sure and "" or "likely ", one.name, one.count)
  end
  lines[#lines + 1] = #words > 0 and "causes: " .. table.concat(words, ", ") or nil
  if sum.open > 0 then
    lines[#lines + 1] = ("without a known cause: %d"):format(sum.open)
  end
  return lines
end

--- A node as data.
---@param top bq.diff.Node
---@return table
function show.data(top)
  local nodes, lines, causes, facts = json.array {}, json.array {}, json.array {}, json.array {}
  for index, one in ipairs(top.nodes) do
    nodes[index] = show.data(one)
  end
  for index, line in ipairs(top.lines) do
    lines[index] = json.text(line.sign .. line.text)
  end
  for index, one in ipairs(top.causes) do
    causes[index] = { name = one.name, sure = one.sure, why = json.text(one.why) }
  end
  for index, fact in ipairs(top.facts) do
    facts[index] = json.text(fact)
  end
  return {
    name = json.text(top.name),
    kind = top.kind,
    package = top.package,
    facts = facts,
    lines = lines,
    cut = top.cut > 0 and top.cut or nil,
    causes = causes,
    open = top.open or nil,
    nodes = nodes,
  }
end

return show
