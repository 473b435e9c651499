local check = require "check"
local json = require "bq.json"

local function refused(value, part)
  check.raises(function()
    json.encode(value)
  end, part)
end

check.run {
  {
    "unknown options are refused",
    function()
      local err = check.raises(function()
        json.encode({}, { prety = true })
      end, "unknown option `prety`, did you mean `pretty`?")
      check.equal(err.code, "argument")
      check.equal(json.encode({}, { pretty = true }), "{}\n")
    end,
  },
  {
    "a number is the same after any number of times",
    function()
      for _, text in ipairs {
        "1.79769311348623157e308",
        "1234567890123456789012345678",
        "0.1",
        "1e-320",
        "2.2250738585072011e-308",
        "-0.0",
        "12345678901234345675678",
      } do
        local once = json.encode(json.decode(text))
        check.equal(json.encode(json.decode(once)), once)
      end
    end,
  },
  {
    "sorted, without spaces, the same every time",
    function()
      check.equal(
        json.encode { b = 1, a = { true, false, "x" }, ["a b"] = 2.5 },
        '{"a":[true,false,"x"],"a b":2.5,"b":1}'
      )
      local many = {}
      for index = 1, 200 do
        many["key" .. index] = index
      end
      local text = json.encode(many)
      for _ = 1, 5 do
        check.equal(json.encode(json.decode(text)), text)
      end
    end,
  },
  {
    "lists, maps, null and what is empty",
    function()
      check.equal(json.encode {}, "{}")
      check.equal(json.encode(json.empty_array), "[]")
      check.equal(json.encode(json.array {}), "[]")
      check.equal(json.encode { json.null }, "[null]")
      check.equal(json.encode(nil), "null")
      local back = json.decode '{"a":[],"b":{},"c":null,"d":[1,null]}'
      check.equal(json.encode(back), '{"a":[],"b":{},"c":null,"d":[1,null]}')
      check.truthy(back.c == json.null)
    end,
  },
  {
    "numbers stay what they are",
    function()
      check.equal(
        json.encode { 1, -7, 2.5, math.maxinteger, math.mininteger },
        ("[1,-7,2.5,%d,%d]"):format(math.maxinteger, math.mininteger)
      )
      check.equal(math.type(json.decode "3"), "integer")
      check.equal(math.type(json.decode "3.0"), "float")
    end,
  },
  {
    "texts",
    function()
      local text = 'quote " back \\ line \n tab \t zero \0 ü €'
      check.equal(json.decode(json.encode(text)), text)
      check.equal(json.encode "\u{7f}/", '"\u{7f}/"')
    end,
  },
  {
    "what has no JSON is refused",
    function()
      refused(print, "function has no JSON")
      refused({ 1, a = 2 }, "both a list and a map")
      refused({ 1, nil, 3, [5] = 4 }, "holes")
      refused({ [3] = 1 }, "key of a map")
      refused({ [true] = 1 }, "key of a map")
      refused(0 / 0, "has no JSON")
      refused(math.huge, "has no JSON")
      refused("\xff", "is not UTF-8")
      local cycle = {}
      cycle.self = cycle
      refused(cycle, "cycle")
    end,
  },
  {
    "text that is not JSON is refused",
    function()
      for _, text in ipairs { "", "{", "[1,]", "{'a':1}", "nul", '"a', "1 2", '"\xff"' } do
        local err = check.raises(function()
          json.decode(text)
        end)
        check.equal(err.code, "format", text)
      end
    end,
  },
  {
    "pretty is for people, and says the same",
    function()
      check.equal(json.encode({ a = { 1 } }, { pretty = true }), '{\n  "a": [\n    1\n  ]\n}\n')
    end,
  },
}
