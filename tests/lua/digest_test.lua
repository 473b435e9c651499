local check = require "check"
local digest = require "bq.digest"

check.run {
  {
    "a digest becomes a UUID of version 8",
    function()
      check.equal(digest.uuid(("ff"):rep(32)), "ffffffff-ffff-8fff-bfff-ffffffffffff")
      check.equal(digest.uuid(("00"):rep(32)), "00000000-0000-8000-8000-000000000000")
      check.equal(digest.uuid "0123456789ABCDEF0123456789abcdef", "01234567-89ab-8def-8123-456789abcdef")
    end,
  },
  {
    "what is no digest becomes no UUID",
    function()
      for _, text in ipairs {
        "",
        "12",
        ("x"):rep(64),
        ("f"):rep(31),
        ("ff"):rep(16) .. "x",
        "+" .. ("f"):rep(40),
        ("é"):rep(32),
      } do
        check.raises(function()
          digest.uuid(text)
        end, "is not a digest of at least 32 hexadecimal digits")
      end
    end,
  },
}
