---@meta bq.sign

---Signatures by Ed25519 (RFC 8032). Keys and signatures are lowercase hexadecimal digits: 64, and 128 of a signature.
---@class bq.sign
local sign = {}

---A new secret key, of random bytes of the system.
---@return string secret
function sign.generate() end

---The public key of a secret one.
---@param secret string
---@return string public
function sign.public(secret) end

---@param secret string
---@param data string
---@return string signature
function sign.sign(secret, data) end

---Whether a signature of the data is by the owner of a key. What is no signature at all is none.
---@param public string
---@param data string
---@param signature string
---@return boolean
function sign.verify(public, data, signature) end

return sign
