-- Caches by gRPC: their addresses, and the messages of their services. The bytes are written out by hand from the fields of
-- remote_execution.proto and bytestream.proto.
local archive = require "bq.archive"
local check = require "check"
local core = require "bq.grpc"
local fs = require "bq.fs"
local grpc = require "bq.share.grpc"
local requests = require "bq.share.requests"

--- Bytes from hexadecimal digits.
local function bytes(hex)
  return (hex:gsub("%X", ""):gsub("%x%x", function(two)
    return string.char(tonumber(two, 16))
  end))
end

local HASH <const> = ("a"):rep(64)
local DIGEST <const> = { hash = HASH, size = 300 }
-- Field 1 is the hash, field 2 the size.
local ENCODED <const> = bytes "0a40" .. HASH .. bytes "10ac02"

check.run {
  {
    "addresses",
    function()
      for url, expected in pairs {
        ["grpc://host:50051"] = { "host", 50051, false, "" },
        ["grpc://host:50051/"] = { "host", 50051, false, "" },
        ["grpcs://host"] = { "host", 443, true, "" },
        ["grpcs://cache.example.org:8443/team/blue/"] = { "cache.example.org", 8443, true, "team/blue" },
        ["grpc://[::1]:80/main"] = { "::1", 80, false, "main" },
      } do
        local found = grpc.parse(url) --[[@as bq.share.Address]]
        check.equal({ found.host, found.port, found.tls, found.instance }, expected, url)
      end
      for _, url in ipairs {
        "grpc://host",
        "grpc://:1",
        "grpc://host:0x10",
        "grpc://host:65536",
        "grpc://user:word@host:1",
        "grpcx://host:1",
        "grpcs://host/uploads/x",
        "grpcs://host/a?b",
        "grpcs://",
        "http://host:1",
      } do
        check.equal(grpc.parse(url), nil, url)
      end
    end,
  },
  {
    "requests have the bytes of their fields",
    function()
      check.equal(requests.capabilities "", "")
      check.equal(requests.capabilities "ab", bytes "0a02" .. "ab")
      local action = bytes "1245" .. ENCODED
      check.equal(requests.get_result("", DIGEST, "m"), action .. bytes "2a01" .. "m")
      check.equal(requests.update_result("i", DIGEST, "r"), bytes "0a01" .. "i" .. action .. bytes "1a01" .. "r")
      check.equal(requests.list("i", { requests.item(DIGEST) }), bytes "0a01" .. "i" .. action)
      check.equal(requests.blob(DIGEST, "xyz"), bytes "124c 0a45" .. ENCODED .. bytes "1203" .. "xyz")
      check.equal(requests.read("p", 0), bytes "0a01" .. "p")
      check.equal(requests.read("p", 1), bytes "0a01" .. "p" .. bytes "1001")
      check.equal(requests.write("p", 2, "d", true), bytes "0a01" .. "p" .. bytes "1002 1801 5201" .. "d")
      check.equal(requests.write("p", 0, "", false), bytes "0a01" .. "p")
    end,
  },
  {
    "requests for workers have the bytes of their fields",
    function()
      local action = bytes "3245" .. ENCODED
      check.equal(requests.execute("", DIGEST, false), action)
      check.equal(requests.execute("i", DIGEST, true), bytes "0a01" .. "i" .. bytes "1801" .. action)
      check.equal(requests.operation "op", bytes "0a02" .. "op")
    end,
  },
  {
    "operations are read at every stage",
    function()
      -- An `Any` has the name of its type in field 1, which nobody looks at.
      check.equal(
        requests.read_operation "",
        { name = "", is_done = false, status = 0, message = "", is_cached = false }
      )
      for stage, expected in ipairs { "look-up", "queue", "work", "end" } do
        local text = bytes "0a02" .. "op" .. bytes "1207 0a01" .. "t" .. bytes "1202 08" .. string.char(stage)
        local found = requests.read_operation(text)
        check.equal({ found.name, found.stage, found.is_done, found.result == nil }, { "op", expected, false, true })
      end
      -- Done: a result of no fields, and one that was kept.
      local found = requests.read_operation(bytes "1801 2a04 1202 0a00")
      check.equal({ found.is_done, found.status, found.result, found.is_cached }, { true, 0, "", false })
      found = requests.read_operation(bytes "1801 2a08 1206 0a02 2001 1001")
      check.equal({ found.result, found.is_cached }, { bytes "2001", true })
      -- Without a result: a status in the response, and an error in its place.
      found = requests.read_operation(bytes "1801 2a0a 1208 1a06 0809 1202" .. "no")
      check.equal({ found.is_done, found.status, found.message, found.result == nil }, { true, 9, "no", true })
      found = requests.read_operation(bytes "1801 2206 080d 1202" .. "no")
      check.equal({ found.is_done, found.status, found.message, found.result == nil }, { true, 13, "no", true })
    end,
  },
  {
    "names of streams",
    function()
      check.equal(requests.place("", DIGEST, false), ("blobs/%s/300"):format(HASH))
      check.equal(requests.place("a/b", DIGEST, true), ("a/b/compressed-blobs/zstd/%s/300"):format(HASH))
      check.equal(requests.new_place("", "id", DIGEST, false), ("uploads/id/blobs/%s/300"):format(HASH))
      check.equal(
        requests.new_place("a", "id", DIGEST, true),
        ("a/uploads/id/compressed-blobs/zstd/%s/300"):format(HASH)
      )
    end,
  },
  {
    "what a server can do, with numbers each of its own or packed",
    function()
      for _, functions in ipairs { "0a0109", "0a020109", "0801 0809" } do
        local cache = bytes(functions) .. bytes "1202 0801 2080808002 3001 3000"
        local found = requests.read_capabilities(bytes "0a" .. string.char(#cache) .. cache)
        check.equal(found, {
          has_sha256 = functions ~= "0a0109",
          takes_results = true,
          batch = 4 << 20,
          largest = 0,
          has_zstd = true,
        })
      end
      check.equal(
        requests.read_capabilities "",
        { has_sha256 = true, takes_results = nil, batch = 0, largest = 0, has_zstd = false }
      )
      -- Field 2 is there and empty: results are not taken.
      check.equal(requests.read_capabilities(bytes "0a02 1200").takes_results, false)
    end,
  },
  {
    "answers",
    function()
      check.equal(requests.read_missing(bytes "1245" .. ENCODED), { [HASH] = true })
      local part = bytes "0a45" .. ENCODED .. bytes "1201" .. "x" .. bytes "1a04 0805 1200"
      local read = requests.read_batch(bytes "0a" .. string.char(#part) .. part)
      check.equal(read, { { hash = HASH, data = "x", status = 5, message = "" } })
      part = bytes "0a45" .. ENCODED .. bytes "1205 0807 1201" .. "m"
      local written = requests.read_update(bytes "0a" .. string.char(#part) .. part)
      check.equal(written, { { hash = HASH, data = "", status = 7, message = "m" } })
      check.equal(requests.read_committed(bytes "08ffffffffffffffffff01"), -1)
      check.equal({ requests.read_query(bytes "0805 1001") }, { 5, true })
      check.equal({ requests.read_query "" }, { 0, false })
      check.equal(requests.read_piece(bytes "5202" .. "ab"), "ab")
      for _, read_it in ipairs { requests.read_batch, requests.read_missing, requests.read_capabilities } do
        check.raises(function()
          read_it(bytes "0a7f" .. "x")
        end, "no message of the Remote Execution API")
      end
      -- Compressed data that was not asked for.
      part = bytes "0a45" .. ENCODED .. bytes "2001"
      check.raises(function()
        requests.read_batch(bytes "0a" .. string.char(#part) .. part)
      end, "no message of the Remote Execution API")
    end,
  },
  {
    "what is wrong with a server or a call raises before anything is sent",
    function()
      for _, header in ipairs { "no header", "Te: x", "grpc-timeout: 1S", "Host: x", ": x", "a: \1" } do
        check.raises(function()
          core.connection { host = "127.0.0.1", port = 1, headers = { header } }
        end, "expected `Name: value`")
      end
      check.raises(function()
        core.connection { host = "127.0.0.1", port = 70000 }
      end, "`port`")
      check.raises(function()
        core.connection { host = "127.0.0.1", port = 1, tls = true, ca = "none" }
      end, "`ca` has none in PEM")
      local connection = core.connection { host = "127.0.0.1", port = 1 }
      for _, method in ipairs { "a/b", "/a b", "/a?b" } do
        check.raises(function()
          core.exchange(connection, { calls = { { method = method, send = "", deadline = 1 } } })
        end, "`method`")
      end
      check.equal(core.exchange(connection, { calls = {} }), {})
    end,
  },
  {
    "a server that is not there has an answer for each call",
    function()
      local connection = core.connection { host = "127.0.0.1", port = 1, connect_timeout = 5 }
      local call = { method = "/a.B/C", send = "", deadline = 5 }
      local answers = core.exchange(connection, { calls = { call, call } })
      check.equal(#answers, 2)
      check.equal({ answers[2].status, answers[2].is_lost, answers[2].reply }, { 14, true, nil })
    end,
  },
  {
    "what is compressed is decompressed",
    function()
      for _, text in ipairs { "", "x", ("a line\n"):rep(100000) } do
        local packed = archive.compress(text)
        check.truthy(#packed < #text or #text < 20)
        fs.write("packed", packed)
        check.equal(archive.decompress "packed", text)
      end
    end,
  },
}
