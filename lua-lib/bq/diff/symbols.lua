-- Compares the symbols of two ELF files: names, sizes, and the order in which they lie.
local cause = require "bq.diff.cause"
local elf = require "bq.diff.elf"
local node = require "bq.diff.node"
local sequence = require "bq.diff.sequence"
local tables = require "bq.tables"

local symbols_of = {}

-- How many names are looked into.
local MOST_PAIRS <const> = 200

---@class bq.diff.Symbols
---@field part? bq.diff.Node what differs
---@field count integer functions and objects that both have
---@field resized integer how many of them have another size

--- The names of functions and objects in the order of their places, and their sizes.
local function defined(symbols)
  local list, sizes = {}, {}
  for _, symbol in ipairs(symbols) do
    if symbol.section > 0 and symbol.section < 0xFF00 and symbol.size > 0 and symbol.kind <= elf.FUNCTION then
      list[#list + 1] = symbol
    end
  end
  table.sort(list, function(a, b)
    if a.section ~= b.section then
      return a.section < b.section
    elseif a.value ~= b.value then
      return a.value < b.value
    end
    return a.name < b.name
  end)
  local names = {}
  for index, symbol in ipairs(list) do
    names[index] = symbol.name
    sizes[symbol.name] = (sizes[symbol.name] or 0) + symbol.size
  end
  return names, sizes
end

--- The names that a file has, and those that it wants.
local function names_of(symbols)
  local out = {}
  for _, symbol in ipairs(symbols) do
    if symbol.name ~= "" then
      out[#out + 1] = symbol.name
    end
  end
  table.sort(out)
  return out
end

--- Compares the symbols of two ELF files.
---@param top bq.diff.Node gets a part for them
---@param a bq.diff.Elf
---@param b bq.diff.Elf
---@return bq.diff.Symbols
function symbols_of.compare(top, a, b)
  local part = node.new "symbols"
  -- If one of them was stripped, the dynamic symbols are what both have.
  local has_all = #a.symbols > 0 and #b.symbols > 0
  local from, to = has_all and a.symbols or a.dynamic, has_all and b.symbols or b.dynamic
  local gone, new = sequence.without_order(names_of(from), names_of(to))
  for _, name in ipairs(gone) do
    part:line("-", name)
  end
  for _, name in ipairs(new) do
    part:line("+", name)
  end
  part.open = #gone ~= #new
  for index = 1, #gone == #new and math.min(#gone, MOST_PAIRS) or 0 do
    local found = cause.of(gone[index], new[index])
    part:because(found)
    part.open = part.open or #found == 0
  end
  for _, name in ipairs(tables.append(tables.copy(gone), new)) do
    local option = name:find "^__stack_chk" and "-fstack-protector" or name:find "^__%w+_chk$" and "-D_FORTIFY_SOURCE"
    part:because { option and cause.likely("options of the compiler", ("%s (%s)"):format(name, option)) or nil }
  end
  local ours, our_sizes = defined(from)
  local theirs, their_sizes = defined(to)
  local sized = {}
  for _, name in ipairs(tables.names(our_sizes)) do
    local size = their_sizes[name]
    if size and size ~= our_sizes[name] then
      sized[#sized + 1] = ("%s %d → %d bytes"):format(name, our_sizes[name], size)
    end
  end
  if #gone + #new > 0 then
    part:fact(("names that are gone: %d, new: %d"):format(#gone, #new))
  end
  if #sized > 0 then
    part:fact(
      ("%d have another size: %s%s"):format(
        #sized,
        table.concat(sized, ", ", 1, math.min(#sized, 8)),
        #sized > 8 and ", …" or ""
      )
    )
  end
  local is_reordered = #gone + #new + #sized == 0
    and sequence.is_reordered(ours, theirs)
    and table.concat(ours, "\n") ~= table.concat(theirs, "\n")
  if is_reordered then
    part:fact "the same functions and objects in another order"
    part:because { cause.likely("an order", "the functions of the program: the order in which its parts were linked") }
  end
  if part:is_empty() then
    part = nil
  end
  top:add(part)
  local count, resized = 0, 0
  for name, size in pairs(our_sizes) do
    -- Names with an underline are mostly those of the C library's own parts, which nobody compiles again.
    local other = not name:find "^_" and their_sizes[name]
    count, resized = count + (other and 1 or 0), resized + (other and other ~= size and 1 or 0)
  end
  return { part = part, resized = resized, count = count }
end

return symbols_of
