-- How a cache knows its client.
local access = require "bq.share.access"
local check = require "check"
local scratch = require "scratch"

local function headers(options)
  return access.of(options, "http://cache.example/").headers
end

check.run {
  {
    "base64",
    function()
      -- The test vectors of RFC 4648, section 10.
      for text, expected in pairs {
        [""] = "",
        f = "Zg==",
        fo = "Zm8=",
        foo = "Zm9v",
        foob = "Zm9vYg==",
        fooba = "Zm9vYmE=",
        foobar = "Zm9vYmFy",
        ["\255\254\0"] = "//4A",
      } do
        check.equal(access.base64(text), expected)
      end
    end,
  },
  {
    "secrets are in files, and what a helper prints",
    function()
      scratch.write("token", "  t0ken \nsecond line\n")
      scratch.write("login", "user:pass word")
      check.equal(headers { remote_token = "token" }, { "Authorization: Bearer t0ken" })
      check.equal(headers { remote_login = "login" }, { "Authorization: Basic dXNlcjpwYXNzIHdvcmQ=" })
      scratch.write("helper", '#!/bin/sh\necho "for $1"\n', tonumber("755", 8))
      check.equal(headers { remote_helper = "./helper" }, { "Authorization: Bearer for http://cache.example/" })
      scratch.write("broken", "#!/bin/sh\nexit 3\n", tonumber("755", 8))
      check.raises(function()
        headers { remote_helper = "./broken" }
      end, "status 3")
      scratch.write("empty", "\n")
      check.raises(function()
        headers { remote_token = "empty" }
      end, "has no token in its first line")
      check.raises(function()
        headers { remote_token = "absent" }
      end, "cannot read the file of `--remote-token`")
    end,
  },
  {
    "headers are lines, and a certificate has a key",
    function()
      scratch.write("headers", "X-One: 1\n\nx-two:2\n")
      check.equal(headers { remote_header = { "headers" } }, { "X-One: 1", "x-two:2" })
      scratch.write("wrong", "X One: 1\n")
      check.raises(function()
        headers { remote_header = { "wrong" } }
      end, "a line of `wrong` is no header")
      check.raises(function()
        headers { remote_cert = "token" }
      end, "needs both")
    end,
  },
}
