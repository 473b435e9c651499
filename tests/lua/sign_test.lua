-- Signatures, by the test vectors of RFC 8032, section 7.1.
local check = require "check"
local sign = require "bq.sign"

--- Secret key, public key, message, signature.
local VECTORS <const> = {
  {
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  },
  {
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "\x72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  },
  {
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "\xaf\x82",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
  },
}

check.run {
  {
    "the vectors",
    function()
      for index, one in ipairs(VECTORS) do
        check.equal(sign.public(one[1]), one[2])
        check.equal(sign.sign(one[1], one[3]), one[4])
        check.truthy(sign.verify(one[2], one[3], one[4]))
        check.truthy(not sign.verify(one[2], one[3] .. "x", one[4]))
        check.truthy(not sign.verify(VECTORS[index % #VECTORS + 1][2], one[3], one[4]))
        local other = one[4]:gsub("^.", { e = "f", ["9"] = "8", ["6"] = "7" })
        check.truthy(not sign.verify(one[2], one[3], other))
      end
    end,
  },
  {
    "keys are made anew",
    function()
      local one, two = sign.generate(), sign.generate()
      check.truthy(one ~= two and one:find("^" .. ("%x"):rep(64) .. "$"))
      check.truthy(sign.verify(sign.public(one), "data", sign.sign(one, "data")))
      check.truthy(not sign.verify(sign.public(two), "data", sign.sign(one, "data")))
    end,
  },
  {
    "what is no key is refused, and not shown",
    function()
      for _, secret in ipairs { "", "abc", ("g"):rep(64), ("a"):rep(65) } do
        local err = check.raises(function()
          sign.sign(secret, "data")
        end, "the secret key is not 64 hexadecimal digits")
        check.truthy(secret == "" or not tostring(err):find(secret, 1, true))
      end
      check.raises(function()
        sign.verify("abc", "data", "")
      end, "the public key is not 64 digits")
      local public = sign.public(sign.generate())
      for _, signature in ipairs { "", "00", ("0"):rep(128), ("x"):rep(128) } do
        check.equal(sign.verify(public, "data", signature), false)
      end
    end,
  },
}
