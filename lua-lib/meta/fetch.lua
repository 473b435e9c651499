---@meta bq.fetch

---Downloads over http and https, several at once, hashing while they are written.
---@class bq.fetch
local fetch = {}

---@class bq.fetch.File
---@field urls string[] tried in this order; `file://` and plain paths are copied
---@field path string where it goes; appears by one rename when its digest is right
---@field sha256? string without it, whatever comes is taken (only `hash_sources` does that)
---@field size? integer bytes, where known: more is refused at once
---@field name? string for progress and messages; the last part of `path` if absent

---@class bq.fetch.Options
---@field files bq.fetch.File[]
---@field jobs? integer at once, 8 if absent
---@field progress? boolean show bars, true if absent
---@field retries? integer per URL, 5 if absent
---@field connect_timeout? number seconds, 15 if absent
---@field stall_timeout? number seconds with less than 1 KiB/s, 30 if absent
---@field max_size? integer bytes of one file, 8 GiB if absent
---@field keep_going? boolean fetch the others when one fails, true if absent
---@field verify_only? boolean only look whether each file is there and right

---@class bq.fetch.Attempt
---@field url string
---@field code string `http_404`, `timeout`, `stalled`, `hash_mismatch`, `redirect`, `tls`, `connect`, `too_large`, …
---@field message string

---@class bq.fetch.Result
---@field path string
---@field ok boolean
---@field cached boolean it was there already, and right
---@field url? string the one that it came from
---@field sha256? string of what was fetched
---@field size? integer
---@field attempts bq.fetch.Attempt[] what went wrong on the way, also where it came right in the end

---Fetches; a file that could not be had has `ok = false`, nothing is raised for it.
---@param options bq.fetch.Options
---@return bq.fetch.Result[] in the order of `files`
function fetch.fetch(options) end

return fetch
