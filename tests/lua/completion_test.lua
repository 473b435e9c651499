local check = require "check"
local completion = require "bq.completion"
local host = require "bq.host"
local process = require "bq.process"
local programs = require "bq.programs"
local tables = require "bq.tables"

local function has(words, ...)
  local found = completion.words(words)
  for _, word in ipairs { ... } do
    check.truthy(tables.contains(found, word), ("`%s` is not among %s"):format(word, table.concat(found, " ")))
  end
  return found
end

check.run {
  {
    "programs and bq's own options",
    function()
      has({ "" }, "build_sysroot", "coordinator", "help")
      check.equal(completion.words { "coor" }, { "coordinator" })
      check.equal(completion.words { "-v", "coor" }, { "coordinator" })
      check.equal(completion.words { "--col" }, { "--color" })
      check.equal(completion.words { "--color", "a" }, { "auto", "always" })
      check.equal(completion.words { "--lib", "x", "coor" }, { "coordinator" })
    end,
  },
  {
    "options of a program, and their values",
    function()
      check.equal(completion.words { "build_sysroot", "--see" }, { "--seed" })
      check.equal(completion.words { "scripts/build_sysroot.lua", "--set", "" }, { "core", "full", "image" })
      check.equal(completion.words { "build_sysroot", "--set=co" }, { "--set=core" })
      -- As bash splits it.
      check.equal(completion.words { "build_sysroot", "--set", "=", "co" }, { "core" })
      check.equal(completion.words { "build_sysroot", "--set", "=" }, { "core", "full", "image" })
      has({ "build_sysroot", "--with", "zl" }, "zlib")
      check.equal(completion.words { "build_sysroot", "--with", "git,zl" }, { "git,zlib" })
      has({ "build_qcow2", "--format", "q" }, "qcow2")
    end,
  },
  {
    "what is unknown completes to nothing, so the shell offers files",
    function()
      check.equal(completion.words { "no_such_program", "--x" }, {})
      check.equal(completion.words { "build_sysroot", "--output", "x" }, {})
      check.equal(completion.words { "log", "--workspace", "none", "s" }, {})
    end,
  },
  {
    "every program says what it is for, and those in groups are in one that there is",
    function()
      local groups = {}
      for _, group in ipairs(programs.GROUPS) do
        groups[group[1]] = true
      end
      check.truthy(#programs.all() >= 18)
      for _, one in ipairs(programs.all()) do
        check.truthy(groups[one.usage.group or ""], ("%s: there is no such group"):format(one.name))
        check.truthy(one.usage.about:find "%.$", one.name .. ": what it is for is a sentence")
      end
      check.equal(#programs.all(), #programs.names())
    end,
  },
  {
    "bash completes by it",
    function()
      local bash = process.which "bash"
      if not bash then
        print "skipped: completion_test: there is no bash"
        return
      end
      local script = [[
        set -e
        bq() { command "$BQ" "$@"; }
        eval "$(bq --completion bash)"
        try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _bq; echo "${COMPREPLY[*]}"; }
        try bq coor
        try bq build_sysroot --set = c
        try bq build_sysroot --set =
        try bq build_sysroot --offl
      ]]
      local status = process.run {
        argv = { bash, "-c", script },
        env = { PATH = os.getenv "PATH", BQ = process.executable(), BQ_PATH = table.concat(host.module_folders, ":") },
        stdout = "capture",
        stderr = "capture",
      }
      check.equal({ status.stdout, status.stderr }, { "coordinator\ncore\ncore full image\n--offline\n", "" })
    end,
  },
}
