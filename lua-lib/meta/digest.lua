---@meta bq.digest

---Digests: SHA-256 (FIPS 180-4), as 64 lowercase hexadecimal digits.
---@class bq.digest
local digest = {}

---@param data string
---@return string
function digest.sha256(data) end

---@param path string
---@return string
function digest.file(path) end

---The digest of a tree: every path, type, permission bits, content and link target below `path`, in byte order; owners, times
---and the folder's own name and mode do not count, unless `attributes` tells them. What is no file, folder or link raises `type`. The format is that of `docs/reproducibility.md`, "Tree digests".
---Attributes of what is not there raise `missing`, those that a path cannot have `type`.
---@param path string
---@param options? { threads?: integer, exclude?: string[], attributes?: table<string, bq.archive.Attribute> } exclude: paths relative to `path` that are left out, with what is below; attributes: by the path below `path`, `.` that itself
---@return string
function digest.tree(path, options) end

---@class bq.digest.Line
---@field path string relative
---@field type "file"|"dir"|"link"
---@field mode integer what is told, or that of the file
---@field size integer bytes; 0 for a folder or link
---@field digest? string of a file's content
---@field target? string of a link
---@field uid? integer what is told, and so are the next two
---@field gid? integer
---@field capabilities? string

---The lines that `tree` is the digest of, to find the first difference between two trees.
---@param path string
---@param options? { threads?: integer, exclude?: string[], attributes?: table<string, bq.archive.Attribute> } as for `tree`
---@return bq.digest.Line[]
function digest.manifest(path, options) end

---A UUID in text (RFC 9562, version 8: what is in it is the maker's own) from the first 16 bytes of a digest.
---@param digest string at least 32 hexadecimal digits
---@return string uuid lowercase
function digest.uuid(digest) end

return digest
