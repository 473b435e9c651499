local check = require "check"
local completion = require "bq.completion"
local fs = require "bq.fs"
local host = require "bq.host"
local process = require "bq.process"
local programs = require "bq.programs"
local scratch = require "scratch"
local tables = require "bq.tables"

local function has(words, ...)
  local found = completion.words(words)
  for _, word in ipairs { ... } do
    check.truthy(tables.contains(found, word), ("`%s` is not among %s"):format(word, table.concat(found, " ")))
  end
  return found
end

--- What a shell says to a script, with `bq` being this program; `nil` if it is not here.
local function shell(name, words, script)
  local found = process.which(name)
  if not found then
    print(("skipped: completion_test: there is no %s"):format(name))
    return nil
  end
  local argv = table.move(words, 1, #words, 2, { found })
  argv[#argv + 1] = script
  local status = process.run {
    argv = argv,
    env = {
      PATH = os.getenv "PATH",
      HOME = fs.realpath ".",
      BQ = process.executable(),
      BQ_PATH = table.concat(host.module_folders, ":"),
    },
    stdout = "capture",
    stderr = "capture",
  }
  check.equal(status.stderr, "")
  return status.stdout
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
      local said = shell("bash", { "-c" }, script)
      check.truthy(not said or said == "coordinator\ncore\ncore full image\n--offline\n", said)
    end,
  },
  {
    "zsh completes by it, and files where bq has no words, also behind `--option=`",
    function()
      local script = [[
        bq() { command "$BQ" "$@" }
        compdef() {}
        compadd() { shift; echo "words $*" }
        compset() { echo "compset $*" }
        _files() { echo files }
        eval "$(bq --completion zsh)"
        try() { words=("$@"); CURRENT=$#; _bq }
        try bq coor
        try bq build_sysroot --set ''
        try bq build_sysroot --set=c
        try bq build_sysroot --output=x
      ]]
      local said = shell("zsh", { "-f", "-c" }, script)
      local expected = "words coordinator\nwords core full image\nwords --set=core\ncompset -P --[^=]##=\nfiles\n"
      check.truthy(not said or said == expected, said)
    end,
  },
  {
    "fish completes by it, and files only where bq has no words, also behind `--option=`",
    function()
      scratch.write("files/core-of-files", "")
      local script = [[
        function bq; command $BQ $argv; end
        bq --completion fish | source
        cd files
        for line in "bq coor" "bq build_sysroot --set " "bq build_sysroot --set=c" "bq diff c" "bq build_sysroot --output=c"
          complete -C "$line"
        end
      ]]
      local said = shell("fish", { "--no-config", "-c" }, script)
      local expected = "coordinator\ncore\nfull\nimage\n--set=core\ncore-of-files\n--output=core-of-files\n"
      check.truthy(not said or said == expected, said)
    end,
  },
}
