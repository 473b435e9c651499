local args = require "bq.args"
local check = require "check"
local fail = require "bq.fail"
local fs = require "bq.fs"

local usage = {
  about = "Does a thing.",
  usage = "bq thing.lua [OPTIONS]",
  options = {
    { name = "output", value = "FILE", help = "where it goes" },
    { name = "with", value = "NAMES", many = true, help = "these too" },
    { name = "jobs", value = "N", number = true, help = "how many", default = 4 },
    { name = "dry-run", help = "only say it" },
  },
}

local function parse(words, changes)
  local mine = {}
  for _, layer in ipairs { usage, changes or {} } do
    for name, value in pairs(layer) do
      mine[name] = value
    end
  end
  return args.parse(mine, words)
end

--- A usage error: its lines, and status 2.
local function refused(words, lines, changes)
  local err = check.raises(function()
    parse(words, changes)
  end)
  check.equal(fail.lines(err), lines)
  check.equal(err.status, 2)
  check.truthy(fail.is_expected(err))
end

check.run {
  {
    "a file that is written in the end is looked at in the beginning",
    function()
      local changes = {
        options = {
          { name = "output", value = "FILE", writes = true, endings = { ".tar.gz", ".tar" }, help = "where" },
        },
      }
      local folder = fs.cwd()
      for path, lines in pairs {
        [""] = { "error: `--output ''`: a file has a name", "hint: `--output FILE`" },
        [folder] = { ("error: `--output %s`: it is a folder, and a file is to be written"):format(folder) },
        [folder .. "/none/a.tar"] = { ("error: `--output %s/none/a.tar`: there is no such folder"):format(folder) },
        ["a.zip"] = {
          "error: `--output a.zip`: its name does not say what it is",
          "hint: it ends in .tar.gz, .tar",
        },
      } do
        refused({ "--output=" .. path }, lines, changes)
      end
      for _, path in ipairs { folder .. "/a.tar", "a.tar.gz", "/a.tar" } do
        check.equal(parse({ "--output", path }, changes).output, path)
      end
    end,
  },
  {
    "words that say the same again",
    function()
      local words = { "--output=-a b", "--with=--x", "--with=z", "--jobs=2", "--dry-run" }
      check.equal(args.words(usage.options, parse(words)), words)
      check.equal(
        args.words(
          { { name = "a", value = "A", once = true, help = "" }, { name = "b-c", help = "" } },
          { a = "1", b_c = true, d = 1 }
        ),
        { "--b-c" }
      )
      check.equal(args.words(usage.options, {}), {})
    end,
  },
  {
    "a program takes options of another one, with their help",
    function()
      check.equal(args.pick(usage.options, { "jobs", "output" }), { usage.options[3], usage.options[1] })
    end,
  },
  {
    "values, lists, numbers, flags and defaults",
    function()
      local result = parse {}
      check.equal(result, { jobs = 4, with = {} })
      result = parse { "--output", "a", "--with=x,y", "--with", "z", "--jobs=2", "--dry-run" }
      check.equal(result.output, "a")
      check.equal(result.with, { "x,y", "z" })
      check.equal(args.list(result.with), { "x", "y", "z" })
      check.equal(result.jobs, 2)
      check.equal(result.dry_run, true)
      check.equal(parse({ "--output=" }).output, "")
      check.equal(parse({ "--output=a=b" }).output, "a=b")
      check.equal(parse({ "--output=--dry-run", "--with", "-a" }).output, "--dry-run")
      check.equal(parse({ "--output", "a", "--output", "b" }).output, "b")
    end,
  },
  {
    "options whose order counts",
    function()
      local options = {
        { name = "wait-for", value = "TEXT", many = true, ordered = true, help = "" },
        { name = "type", value = "TEXT", many = true, ordered = true, help = "" },
        { name = "with", value = "NAMES", many = true, help = "" },
      }
      local result = parse({ "--wait-for", "a", "--with", "x", "--wait-for=b", "--type", "c" }, { options = options })
      check.equal(result.ordered, {
        { name = "wait-for", value = "a" },
        { name = "wait-for", value = "b" },
        { name = "type", value = "c" },
      })
      check.equal({ result.wait_for, result.type }, { { "a", "b" }, { "c" } })
      check.equal(args.words(options, result), { "--wait-for=a", "--wait-for=b", "--type=c", "--with=x" })
    end,
  },
  {
    "an unknown option names the nearest",
    function()
      refused({ "--ouput", "a" }, { "error: unknown option `--ouput`", "hint: did you mean `--output`?" })
      refused({ "--ouput=a" }, { "error: unknown option `--ouput`", "hint: did you mean `--output`?" })
      refused({ "--zzz" }, { "error: unknown option `--zzz`", "hint: `--help` lists the options" })
      refused({ "-x" }, { "error: unknown option `-x`", "hint: `--help` lists the options" })
    end,
  },
  {
    "missing, needless and wrong values",
    function()
      refused({ "--output", "--dry-run" }, {
        "error: `--output` wants a value: FILE, not `--dry-run`",
        "hint: if it is meant: `--output=--dry-run`",
      })
      refused({ "--output" }, { "error: `--output` wants a value: FILE" })
      refused({ "--dry-run=yes" }, { "error: `--dry-run` takes no value" })
      for _, wrong in ipairs { "0", "-1", "1.5", "many", "" } do
        refused({ "--jobs", wrong }, { ("error: `--jobs` wants a whole number from 1 up, not `%s`"):format(wrong) })
      end
    end,
  },
  {
    "words and what follows --",
    function()
      refused({ "word" }, { "error: unexpected word `word`", "hint: `--help` shows what is expected" })
      refused({ "--", "x" }, { "error: nothing may follow `--` here" })
      local result = parse({ "a", "--jobs", "1", "-" }, { positional = "NAME..." })
      check.equal({ result[1], result[2] }, { "a", "-" })
      check.equal(parse({ "--", "sh", "--help" }, { rest = true }).rest, { "sh", "--help" })
      check.equal(parse({ "--" }, { rest = true }).rest, {})
      check.equal(parse({}, { rest = true }).rest, nil)
    end,
  },
  {
    "what the environment says, if the command line does not",
    function()
      -- The test cannot set a variable; every run has these two.
      local options = {
        { name = "home", value = "DIR", help = "a folder", variable = "HOME" },
        { name = "path", value = "DIR", many = true, help = "folders", variable = "PATH", separator = ":" },
        { name = "none", value = "DIR", help = "nothing", variable = "BQ_TEST_IS_NOT_SET" },
      }
      local result = args.parse({ about = "", usage = "", options = options }, {})
      check.equal(result.home, os.getenv "HOME")
      check.equal(table.concat(result.path, ":"), os.getenv "PATH")
      check.equal(result.none, nil)
      result = args.parse({ about = "", usage = "", options = options }, { "--home=x", "--path=y" })
      check.equal({ result.home, result.path }, { "x", { "y" } })
      local help = args.help { about = "", usage = "", options = options }
      check.contains(help, ("--home DIR  a folder [default: %s, from $HOME]"):format(os.getenv "HOME"))
    end,
  },
  {
    "the help, whole",
    function()
      check.equal(
        args.help(usage),
        table.concat({
          "Does a thing.",
          "",
          "usage: bq thing.lua [OPTIONS]",
          "",
          "options:",
          "  --output FILE  where it goes",
          "  --with NAMES   these too",
          "  --jobs N       how many [default: 4]",
          "  --dry-run      only say it",
          "  --help         show this text",
        }, "\n")
      )
      for _, word in ipairs { "--help", "-h" } do
        local exit = check.raises(function()
          parse { word, "--nonsense" }
        end)
        check.truthy(fail.is_exit(exit))
        check.equal(exit.status, 0)
      end
    end,
  },
}
