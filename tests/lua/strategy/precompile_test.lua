-- A project of two libraries and a program, built with CMake: what is included for whom shows in what compiles.
local check = require "check"
local fs = require "bq.fs"
local precompile = require "bq.strategy.cmake.precompile"
local process = require "bq.process"
local scratch = require "scratch"

local top <const> = [[
cmake_minimum_required(VERSION 3.20)
project(Three C CXX)
function(llvm_update_compile_flags name)
  set_target_properties(${name} PROPERTIES COMPILE_FLAGS -fno-rtti)
endfunction()
add_custom_command(OUTPUT made/made.h COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_SOURCE_DIR}/made.in made/made.h)
add_custom_target(made_h DEPENDS made/made.h)
include_directories(${CMAKE_BINARY_DIR})
add_subdirectory(lib)
]]
-- The sources of `one` and `two` include nothing. That of `other` has a name of its own for what a header declares.
local files <const> = {
  ["CMakeLists.txt"] = top,
  ["made.in"] = "inline int made() { return 3; }\n",
  ["lib/CMakeLists.txt"] = "add_subdirectory(one)\nadd_subdirectory(two)\nadd_subdirectory(other)\n",
  ["lib/one/CMakeLists.txt"] = "add_library(one STATIC one.cpp plain.c)\nllvm_update_compile_flags(one)\n",
  ["lib/one/one.cpp"] = "std::string one() { return std::string(made(), 'x'); }\n",
  ["lib/one/plain.c"] = "int class(void) { return 1; }\n",
  ["lib/two/CMakeLists.txt"] = "add_executable(two two.cpp)\nllvm_update_compile_flags(two)\n",
  ["lib/two/two.cpp"] = "int main() { return std::vector<int>().size(); }\n",
  ["lib/other/CMakeLists.txt"] = "add_library(other STATIC other.cpp)\n",
  ["lib/other/other.cpp"] = "namespace std { int string; }\nint made = std::string;\n",
}

---@return bq.Step
local function step()
  local b = { name = "three", build = fs.realpath "." .. "/build" }
  function b:write(path, text)
    scratch.write(path, text)
  end
  ---@cast b bq.Step
  return b
end

local function built(...)
  local done = process.run { argv = { process.which "cmake", ... }, stdout = "capture", stderr = "capture" }
  check.truthy(done.ok, done.stdout .. done.stderr)
end

check.run {
  {
    "what is in a folder has the headers of its group, after those are made; others have none",
    function()
      if not (process.which "cmake" and process.which "c++") then
        return print "skipped: precompile_test: there is no cmake, or no c++"
      end
      for path, text in pairs(files) do
        scratch.write("source/" .. path, text)
      end
      local definition = precompile.definition(step(), {
        { folders = { "lib/one" }, headers = { "string", "made/made.h" }, after = { "made_h" } },
        { folders = { "lib/none", "lib/two", "lib/one" }, headers = { "vector" } },
      })
      built("-S", "source", "-B", "build", "-D" .. definition)
      built("--build", "build")

      local lost = precompile.definition(step(), { { folders = { "lib/none" }, headers = { "vector" } } })
      check.raises(function()
        built("-S", "source", "-B", "lost", "-D" .. lost)
      end, "precompile: no library or program is in lib/none")
    end,
  },
  {
    "what is no group is named",
    function()
      local function refused(group, text)
        check.raises(function()
          precompile.definition(step(), { { folders = { "lib" }, headers = { "string" } }, group })
        end, "recipe three: precompile[2] " .. text)
      end
      refused("lib", "is no table")
      refused({ headers = { "string" } }, "wants a list of texts as `folders`")
      refused({ folders = { "lib" }, headers = "string" }, "wants a list of texts as `headers`")
      refused({ folders = { "lib" }, headers = { "<string>" } }, "`headers` has `<string>`, which is no name")
      refused({ folder = { "lib" }, headers = { "string" } }, "has `folder`; there are folders, headers, after")
    end,
  },
}
