#!/usr/bin/env bq
-- Makes docs/primitives.md, the manual of the native modules, from the stubs in lua-lib/meta.
local args = require "bq.args"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local host = require "bq.host"
local log = require "bq.log"

local options = args.parse({
  about = "Writes docs/primitives.md from the stubs in lua-lib/meta.",
  usage = "bq docs/primitives.lua [OPTIONS]",
  options = { { name = "check", help = "write nothing; fail if the page is not what the stubs say" } },
}, arg)

local HEAD <const> = [[
# Primitives

<!-- Made by `bq docs/primitives.lua` from the stubs in lua-lib/meta: edit those. -->

What bq's core gives to Lua. A module is had by its name, `local fs = require "bq.fs"`; everything else in `bq.…` is Lua in
`lua-lib/`. A `?` after a name or a type says that it may be absent (`nil`).

A function that fails raises the table that [`bq.error`](#bqerror) describes. An option that a function does not know, and a
value of a wrong type, raise one with the code `argument`.
]]

--- The first type in a text, and what comes after it.
local function split_type(text)
  local at = 1
  local function skip(pattern)
    local _, last = text:find("^" .. pattern, at)
    at = last and last + 1 or at
    return last ~= nil
  end
  local function atom()
    if skip "fun%b()" then
      if skip ":%s*" then
        atom()
      end
    elseif not (skip "%b{}" or skip "%b()" or skip '"[^"]*"') then
      if skip "[%w_.]+" then
        skip "%b<>"
      end
    end
    while skip "%[%]" or skip "%?" do
    end
  end
  repeat
    atom()
  until not skip "%s*|%s*"
  return text:sub(1, at - 1), (text:sub(at):gsub("^%s+", ""))
end

--- The entries of a stub: its module, classes, aliases and functions, in their order.
local function parse(text)
  local entries, open = {}, nil
  local module = text:match "^%-%-%-@meta *(%S*)"
  local function entry()
    if not open then
      open = { text = {}, fields = {}, params = {}, returns = {} }
    end
    return open
  end
  local function close()
    if open and (open.kind or #open.text > 0) then
      entries[#entries + 1] = open
    end
    open = nil
  end
  local function annotate(tag, rest)
    if tag == "meta" then
      return
    elseif tag == "class" or tag == "alias" then
      if open and open.kind then
        close()
      end
      local one = entry()
      one.kind = tag
      one.name, rest = rest:match "^([%w_.]+)(.*)$"
      one.parent = rest:match "^: *(%S+)"
      one.type = tag == "alias" and rest:match "^%s+(.*)$" or nil
    elseif tag == "generic" then
      local name, bound = rest:match "^(%w+): *(%w+)$"
      entry().generic = { name = name, bound = bound }
    elseif tag == "return" then
      local kind, more = split_type(rest)
      local name, comment = more:match "^([%l_]+)%s*(.*)$"
      table.insert(entry().returns, { type = kind, name = name, text = name and comment or more:gsub("^#%s*", "") })
    elseif tag == "field" or tag == "param" then
      local name, optional, more = rest:match "^([%w_]+)(%??)%s+(.*)$"
      local kind, comment = split_type(more)
      local list = tag == "field" and entry().fields or entry().params
      list[#list + 1] = { name = name, optional = optional == "?", type = kind, text = comment }
    else
      fail.raise(("the stub of `%s` has an annotation that this program does not know: `@%s`"):format(module, tag))
    end
  end
  for line in (text .. "\n"):gmatch "(.-)\n" do
    local tag, rest = line:match "^%-%-%-@(%w+)%s*(.*)$"
    local comment = line:match "^%-%-%-(.*)$"
    local call = line:match "^function ([%w_.:]+%b()) end$"
    if tag then
      annotate(tag, rest)
    elseif comment then
      -- What follows the fields of a class is about what comes next.
      if open and open.kind and #open.fields > 0 then
        close()
      end
      table.insert(entry().text, comment)
    elseif call then
      if open and open.kind then
        close()
      end
      entry().kind, entry().name = "function", call
      close()
    elseif line == "" or line:find "^local " then
      close()
    end
  end
  close()
  return module, entries
end

--- `#bqarchiveextract`, as the pages of forges name the heading of a class.
local function anchor(name)
  return "#" .. name:lower():gsub("[^%w_-]", "")
end

local function show_type(kind, known, generic)
  if generic and kind == generic.name then
    kind = generic.bound
  end
  local name = kind:match "^[%w_.]+"
  if known[name] and not kind:find "[|<{]" then
    return ("[`%s`](%s)"):format(kind, anchor(name))
  end
  return "`" .. kind .. "`"
end

--- What is said of a type goes on in its sentence: "`integer` of all content", "`string`, a folder".
local function remark(text)
  return text ~= "" and (text:find "^of " and " " or ", ") .. text or ""
end

local function page(stubs)
  local out, known = { HEAD }, {}
  for _, stub in ipairs(stubs) do
    for _, one in ipairs(stub.entries) do
      known[one.name] = one.kind ~= "function" and one.name ~= stub.module or nil
    end
  end
  local function add(text)
    out[#out + 1] = text .. "\n"
  end
  local function items(list, generic)
    local lines = {}
    for index, item in ipairs(list) do
      local name = item.name .. (item.optional and "?" or "")
      lines[index] = ("- `%s`: %s%s"):format(name, show_type(item.type, known, generic), remark(item.text))
    end
    if #lines > 0 then
      add(table.concat(lines, "\n"))
    end
  end
  local index = {}
  for _, stub in ipairs(stubs) do
    local name = stub.module ~= "" and stub.module or nil
    index[#index + 1] = name and ("[`%s`](%s)"):format(name, anchor(name)) or nil
  end
  add("Modules: " .. table.concat(index, " · "))
  for _, stub in ipairs(stubs) do
    if stub.module ~= "" then
      add(("## `%s`"):format(stub.module))
    end
    for _, one in ipairs(stub.entries) do
      if one.name ~= stub.module then
        local above = stub.module == "" and "##" or "###"
        add(("%s `%s`"):format(above, one.name))
      end
      if #one.text > 0 then
        add(table.concat(one.text, "\n"))
      end
      if one.type then
        add("One of `" .. one.type:gsub("|", "`, `") .. "`.")
      end
      if one.parent then
        add(("All of %s, and:"):format(show_type(one.parent, known)))
      end
      items(one.fields)
      items(one.params, one.generic)
      for _, item in ipairs(one.returns) do
        local name = item.name and (" (`%s`)"):format(item.name) or ""
        add(("Returns %s%s%s."):format(show_type(item.type, known, one.generic), name, remark(item.text)))
      end
    end
  end
  return table.concat(out, "\n")
end

local here = files.parent(host.script)
local meta, stubs = here .. "/../lua-lib/meta", {}
for _, name in ipairs(fs.list(meta)) do
  local module, entries = parse(fs.read(meta .. "/" .. name))
  -- What all modules raise goes first. The types of recipes and plans are told elsewhere.
  if name == "error.lua" or module ~= "" then
    table.insert(stubs, module == "" and 1 or #stubs + 1, { module = module, entries = entries })
  end
end
local path, text = here .. "/primitives.md", page(stubs)
if not options.check then
  fs.write(path, text)
elseif files.read(path) ~= text then
  fail.raise("`docs/primitives.md` is not what the stubs say", { hint = "make it again: `bq docs/primitives.lua`" })
else
  log.info "`docs/primitives.md` is what the stubs say"
end
