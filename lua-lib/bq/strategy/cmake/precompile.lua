-- Headers that many C++ sources include, compiled once for the libraries and programs of some folders. Where a project has many headers,
-- most of the time of its compilation is spent in them.
local fail = require "bq.fail"
local tables = require "bq.tables"

local precompile = {}

local FIELDS <const> = { folders = true, headers = true, after = false }

-- It is included by each `project()`. The libraries and programs are known when the top folder is done.
local START <const> = [[
if(NOT CMAKE_CURRENT_SOURCE_DIR STREQUAL CMAKE_SOURCE_DIR)
  return()
endif()

function(bq_targets folder)
  get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(kind ${target} TYPE)
    if(kind MATCHES "^(STATIC|OBJECT|SHARED)_LIBRARY$|^EXECUTABLE$")
      set_property(GLOBAL APPEND PROPERTY BQ_TARGETS ${target})
    endif()
  endforeach()
  get_property(folders DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
  foreach(below IN LISTS folders)
    bq_targets(${below})
  endforeach()
endfunction()

function(bq_precompile)
  bq_targets(${CMAKE_SOURCE_DIR})
  get_property(targets GLOBAL PROPERTY BQ_TARGETS)
]]
-- A header has to be compiled with the options of the sources that include it; those of LLVM come from a function of its own.
-- What has sources in C wants a header in C, too.
local GROUP <const> = [[
  file(WRITE ${CMAKE_BINARY_DIR}/@name@.c "")
  file(WRITE ${CMAKE_BINARY_DIR}/@name@.cpp "")
  add_library(@name@ OBJECT EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/@name@.c ${CMAKE_BINARY_DIR}/@name@.cpp)
  if(COMMAND llvm_update_compile_flags)
    llvm_update_compile_flags(@name@)
  endif()
  target_precompile_headers(@name@ PRIVATE
    "$<$<COMPILE_LANGUAGE:C>:<stddef.h$<ANGLE-R>>" "$<$<COMPILE_LANGUAGE:CXX>:@headers@>")
  foreach(before IN ITEMS @after@)
    add_dependencies(@name@ ${before})
  endforeach()
  set(used FALSE)
  foreach(target IN LISTS targets)
    get_target_property(folder ${target} SOURCE_DIR)
    get_target_property(taken ${target} PRECOMPILE_HEADERS_REUSE_FROM)
    if(NOT taken AND "${folder}/" MATCHES "^${CMAKE_SOURCE_DIR}/(@folders@)/")
      target_precompile_headers(${target} REUSE_FROM @name@)
      set(used TRUE)
    endif()
  endforeach()
  if(NOT used)
    message(FATAL_ERROR "precompile: no library or program is in @folders@")
  endif()
]]
local FINISH <const> = [[
endfunction()
cmake_language(DEFER CALL bq_precompile)
]]

--- What is wrong with a group, or nothing.
---@param group any
---@return string?
local function mistake(group)
  if type(group) ~= "table" then
    return "is no table"
  end
  for field in tables.sorted(group) do
    if FIELDS[field] == nil then
      return ("has `%s`; there are folders, headers, after"):format(tostring(field))
    end
  end
  for field, needed in tables.sorted(FIELDS) do
    local list = group[field]
    if needed and not list or list and type(list) ~= "table" then
      return ("wants a list of texts as `%s`"):format(field)
    end
    for _, item in ipairs(list or {}) do
      if type(item) ~= "string" or not item:find "^[%w._/+-]+$" then
        return ("`%s` has `%s`, which is no name of a folder, header or target"):format(field, tostring(item))
      end
    end
  end
end

--- The definition that has CMake compile headers before the libraries and programs that use them.
---@param b bq.Step
---@param groups bq.Precompiled[] a target is of the first group that names a folder which it is in
---@return string definition
function precompile.definition(b, groups)
  local text = { START }
  for index, group in ipairs(groups) do
    local wrong = mistake(group)
    if wrong then
      fail.raise(("recipe %s: precompile[%d] %s"):format(b.name, index, wrong))
    end
    local headers = {}
    for _, header in ipairs(group.headers) do
      headers[#headers + 1] = "<" .. header .. "$<ANGLE-R>"
    end
    text[#text + 1] = GROUP:gsub("@(%l+)@", {
      name = "headers-" .. index,
      -- A dot or plus of a name stands for itself.
      folders = table.concat(group.folders, "|"):gsub("[.+]", "[%0]"),
      headers = table.concat(headers, ";"),
      after = table.concat(group.after or {}, " "),
    })
  end
  text[#text + 1] = FINISH
  local file = b.build .. "/precompile.cmake"
  b:write(file, table.concat(text))
  return "CMAKE_PROJECT_INCLUDE=" .. file
end

return precompile
