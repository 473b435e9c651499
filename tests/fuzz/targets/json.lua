-- JSON: what is decoded is encoded to what decodes to the same.
local json = require "bq.json"

local target = {
  words = {
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    "\\u0000",
    "\\ud800",
    "null",
    "true",
    "1e308",
    "-0",
    "0.1",
    '"":',
    "\xef\xbb\xbf",
    "\xff",
    "9223372036854775807",
    "18446744073709551616",
  },
}

function target.seeds()
  return {
    '{"a":[1,2.5,-3e4,"x\\u00e9\\n"],"b":{"c":null,"d":[],"e":{}},"":true}',
    "[]",
    '"\\ud83d\\ude00"',
    ("["):rep(90) .. ("]"):rep(90),
    ('{"a":'):rep(200) .. "1" .. ("}"):rep(200),
    "[0,-0,1e-7,123456789012345678,1.7976931348623157e308]",
  }
end

function target.try(input)
  local ok, value = pcall(json.decode, input)
  if not ok then
    assert(type(value) == "table" and value.code == "format", value)
    return
  end
  local text
  ok, text = pcall(json.encode, value)
  if not ok then
    assert(type(text) == "table" and text.code == "argument", text)
    return
  end
  assert(json.encode(json.decode(text)) == text, "encoded twice, it is different")
  local pretty = json.encode(value, { pretty = true })
  assert(json.encode(json.decode(pretty)) == text, "pretty, it is different")
end

return target
