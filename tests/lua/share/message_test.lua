-- Messages of caches. The digests are those of the same messages as another implementation writes them (python3-protobuf, by the
-- fields of remote_execution.proto).
local check = require "check"
local digest = require "bq.digest"
local message = require "bq.share.message"

local function of(letter, size)
  return { hash = letter:rep(64), size = size }
end

--- Bytes from hexadecimal digits.
local function bytes(hex)
  return (hex:gsub("%x%x", function(two)
    return string.char(tonumber(two, 16))
  end))
end

local FAILED <const> = "124d0a036c6f6712440a40" .. ("61"):rep(64) .. "1007200120ffffffffffffffffff012a0378797a"

check.run {
  {
    "messages have the bytes that others write",
    function()
      for text, expected in pairs {
        [message.command({ "bq", "step", "0a" }, { "a", "b" })] = "d260dadad4fe3ee5e1a7cc075380eabb6d0f48f09cdc8ad08071baa72883d69d",
        [message.directory { { name = "inputs.json", digest = of("c", 300) } }] = "183e9f5a3a38a993e90d21b647aff92829ce7c68857e455cf7492ffa2f447dd8",
        [message.action(of("a", 5), of("b", 0))] = "26fc22e1f5f0ca2b3b73fe0744243b634eae9068cd5da87ace8034f96d5f790f",
        [message.result {
          { path = "log", digest = of("a", 0) },
          { path = "meta.json", digest = of("b", 1 << 31), contents = "{}" },
        }] = "7bd524bcd07fdf66db9364fa80a9cae961860fd7f7fffd215d01a9b9e9617f88",
      } do
        check.equal(digest.sha256(text), expected)
      end
    end,
  },
  {
    "a result is read back, and fields that are not known are skipped",
    function()
      local files = {
        { path = "log", digest = of("a", 0) },
        { path = "meta.json", digest = of("b", 1 << 40), contents = "{}" },
      }
      -- A number, eight bytes, four bytes and some bytes in fields that nobody has.
      local unknown = bytes "a00607" .. bytes "a1060102030405060708" .. bytes "a50601020304" .. bytes "a2060161"
      local found = message.read_result(message.result(files) .. unknown)
      check.equal(found.exit_code, 0)
      check.equal(found.files.log, files[1])
      check.equal(found.files["meta.json"], files[2])
      local failed = message.read_result(bytes(FAILED))
      check.equal(failed.exit_code, -1)
      check.equal(failed.files.log.digest, of("a", 7))
    end,
  },
  {
    "what a worker has to have is in the command and in the action, for old servers and new ones",
    function()
      local properties = { { name = "a", value = "1" }, { name = "b", value = "" } }
      local platform = bytes "0a060a0161120131" .. bytes "0a050a01621200"
      check.equal(message.command({ "x" }, { "o" }, properties), bytes "0a01781a016f2a0f" .. platform .. bytes "3a016f")
      local plain = message.action(of("a", 5), of("b", 1))
      check.equal(message.action(of("a", 5), of("b", 1), properties), plain .. bytes "520f" .. platform)
      check.equal(message.action(of("a", 5), of("b", 1), {}), plain)
      -- A file that can be executed.
      local file = bytes "0a016212440a40" .. ("a"):rep(64) .. bytes "1007"
      check.equal(
        message.directory { { name = "b", digest = of("a", 7), is_program = true } },
        bytes "0a4b" .. file .. bytes "2001"
      )
    end,
  },
  {
    "the moments of a result",
    function()
      -- Queued at 100.5 s, started at 103 s; the end is not told.
      local metadata = bytes "120808641080cab5ee01" .. bytes "1a020867"
      local found = message.read_result(bytes "4a0e" .. metadata)
      check.equal(found.times, { queued = 100.5, started = 103.0 })
      check.equal(message.read_result("").times, {})
    end,
  },
  {
    "what is no result raises, wherever it is cut off",
    function()
      local whole = bytes(FAILED)
      for size = 1, #whole - 1 do
        local ok, err = pcall(message.read_result, whole:sub(1, size))
        check.truthy(ok or tostring(err):find "no message of the Remote Execution API", size)
      end
      for _, hex in ipairs {
        "127f", -- longer than what follows
        "12ffffffffffffffffff01", -- a size below zero
        "ffffffffffffffffffffff01", -- a number without an end
        "13", -- a group
        "1201", -- a file of no bytes
        "1005", -- a number in the place of a file
        "120012000a", -- a file without a digest
        "12090a016112040a024142", -- a digest that is too short
      } do
        check.raises(function()
          message.read_result(bytes(hex))
        end, "no message of the Remote Execution API")
      end
      for _ = 1, 2000 do
        local at = math.random(#whole)
        local changed = whole:sub(1, at - 1) .. string.char(math.random(0, 255)) .. whole:sub(at + 1)
        local ok, err = pcall(message.read_result, changed)
        check.truthy(ok or tostring(err):find "no message of the Remote Execution API", tostring(err))
      end
    end,
  },
}
