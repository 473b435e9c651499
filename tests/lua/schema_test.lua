local check = require "check"
local fail = require "bq.fail"
local fs = require "bq.fs"
local json = require "bq.json"
local process = require "bq.process"
local schema = require "bq.schema"

local KIND <const> = schema.record {
  name = schema.NAME,
  ["list?"] = schema.list(schema.record { count = schema.whole(1, 9), ["on?"] = schema.flag() }),
  ["map?"] = schema.map(schema.text { max = 5 }, schema.FILE),
  ["ratio?"] = schema.number(),
  ["sum?"] = schema.SHA256,
}

local function problem(text)
  return schema.problem(json.decode(text), KIND)
end

local function lines(body)
  local err = check.raises(body)
  check.truthy(fail.is_expected(err), tostring(err))
  return fail.lines(err)
end

check.run {
  {
    "what is right",
    function()
      for _, text in ipairs {
        '{"name":"a"}',
        '{"name":"a","other":[1]}',
        '{"name":"a","list":[{"count":1,"on":false},{"count":9}],"map":{"f":"x"},"ratio":1}',
        '{"name":"a","list":[],"map":{},"ratio":0.5}',
        -- Lua writes an empty list as an empty map where it cannot know.
        '{"name":"a","list":{},"map":[]}',
        ('{"name":"a","sum":"%s"}'):format(("0a"):rep(32)),
      } do
        check.equal(problem(text), nil, text)
      end
    end,
  },
  {
    "what is wrong is named, with its place",
    function()
      for text, wanted in pairs {
        ["[]"] = "`name` is missing",
        ["[1]"] = "it is a list, expected a map",
        ["null"] = "it is null, expected a map",
        ["1"] = "it is a number, expected a map",
        ['"x"'] = "it is a text, expected a map",
        ["{}"] = "`name` is missing",
        ['{"name":null}'] = "`name` is null, expected a name",
        ['{"name":"../x"}'] = "`name` is not a name",
        ['{"name":"a\\nb"}'] = "`name` is not a name",
        ['{"name":"a","list":{"x":1}}'] = "`list` is a map, expected a list",
        ['{"name":"a","list":[{"count":1},7]}'] = "`list[2]` is a number, expected a map",
        ['{"name":"a","list":[{"count":0}]}'] = "`list[1].count` is 0, expected a number from 1 to 9",
        ['{"name":"a","list":[{"count":1.5}]}'] = "`list[1].count` is a number, expected a whole number",
        ['{"name":"a","list":[{"count":1,"on":"yes"}]}'] = "`list[1].on` is a text, expected true or false",
        ['{"name":"a","map":{"x":"123456"}}'] = '`map["x"]` has 6 bytes, at most 5 are allowed',
        ['{"name":"a","map":{"a/b":"x"}}'] = "`map` has the name `a/b`, which is not the name of a file",
        ['{"name":"a","map":{"..":"x"}}'] = "`map` has the name `..`, which is not the name of a file",
        ['{"name":"a","ratio":"1"}'] = "`ratio` is a text, expected a number",
        ['{"name":"a","sum":"xyz"}'] = "`sum` is not 64 hexadecimal digits",
      } do
        check.equal(problem(text), wanted, text)
      end
    end,
  },
  {
    "a file is read if it is one, and not too long",
    function()
      local format = { what = "the thing", limit = 100, hint = "make it again", kind = KIND }
      local function read(path)
        return schema.read(path, format)
      end
      check.equal(read "none", nil)
      fs.write("good", '{"name":"a"}')
      check.equal(read("good").name, "a")
      fs.write("bad", '{"name":1}')
      check.equal(
        lines(function()
          read "bad"
        end),
        {
          "error: cannot read the thing `bad`",
          "caused by: `name` is a number, expected a name",
          "hint: make it again",
        }
      )
      fs.write("long", ('{"name":"%s"}'):format(("a"):rep(100)))
      fs.symlink("/dev/zero", "zero")
      process.run { argv = { "mkfifo", "fifo" } }
      fs.mkdir "folder"
      fs.write("latin1", '{"name":"\xe9"}')
      fs.write("deep", ("["):rep(100000))
      fs.write("cut", '{"name":')
      fs.write("empty", "")
      for _, name in ipairs { "long", "zero", "fifo", "folder", "latin1", "deep", "cut", "empty" } do
        local said = lines(function()
          read(name)
        end)
        check.equal(said[1], ("error: cannot read the thing `%s`"):format(name))
        check.equal({ #said, said[3] }, { 3, "hint: make it again" })
      end
      fs.symlink("good", "link")
      check.equal(read("link").name, "a")
    end,
  },
  {
    "a text from elsewhere is checked in the same way",
    function()
      local format = { what = "the thing", limit = 20, kind = KIND }
      check.equal(schema.parse('{"name":"a"}', "disk:/thing", format).name, "a")
      for text, wanted in pairs {
        ['{"name":1}'] = "caused by: `name` is a number, expected a name",
        ['{"name":"aaaaaaaaaaaaa"}'] = "caused by: it has more than 20 bytes",
      } do
        check.equal(
          lines(function()
            schema.parse(text, "disk:/thing", format)
          end),
          { "error: cannot read the thing `disk:/thing`", wanted }
        )
      end
    end,
  },
  {
    "paths that lead out of their tree are none",
    function()
      for text, good in pairs {
        ["pool/main/m/make-dfsg/make_4.4.1-2_amd64.deb"] = true,
        ["pool/main/a/a+b~1/a%3ab_1:2.deb"] = true,
        ["pool/../../etc/passwd"] = false,
        ["pool/.."] = false,
        ["pool/./a"] = false,
        ["/pool/a"] = false,
        ["pool/a b"] = false,
      } do
        check.equal(schema.POOL(text) == nil, good, text)
      end
      for text, good in pairs {
        ["etc/name"] = true,
        ["..a/b.."] = true,
        ["a\nb"] = true,
        [""] = false,
        ["/etc/name"] = false,
        ["../name"] = false,
        ["a/../b"] = false,
        ["a/."] = false,
        [("a"):rep(4096)] = false,
      } do
        check.equal(schema.PATH(text) == nil, good, text)
      end
    end,
  },
}
