---@meta bq.fetch

---Downloads over http and https, several at once, hashing while they are written.
---@class bq.fetch
local fetch = {}

---@class bq.fetch.File
---@field urls string[] tried in this order, each once before any is tried again; `file://` and plain paths are copied
---@field path string where it goes, in a folder that is there; appears by one rename when its digest is right
---@field sha256? string without it, whatever comes is taken (only `hash_sources` does that)
---@field size? integer bytes, where known: more is refused at once
---@field name? string for progress and messages; the last part of `path` if absent

---@class bq.fetch.Options
---@field files bq.fetch.File[]
---@field jobs? integer at once, 8 if absent
---@field progress? boolean show bars, true if absent
---@field retries? integer how often a URL is tried again, 5 if absent; tries that ended after some of the file do not count
---@field connect_timeout? number seconds, 15 if absent; TLS included, but not the look-up of the name
---@field stall_timeout? number seconds with less than 1 KiB/s, or without an answer, 30 if absent
---@field max_size? integer bytes of one file whose size is not known, 8 GiB if absent
---@field keep_going? boolean fetch the others when one fails, true if absent
---@field verify_only? boolean only look whether each file is there and right

---@class bq.fetch.Attempt
---@field url string without a name and password in it
---@field code string one of those below
---@field message string
---@field expected? string with `hash_mismatch`: the digest that was wanted
---@field actual? string with `hash_mismatch`: the digest of what came

---@class bq.fetch.Result
---@field path string
---@field ok boolean
---@field cached boolean it was there already, and right
---@field url? string the one that it came from, as `shown` has it; absent if no URL was needed
---@field sha256? string of what is there now
---@field size? integer bytes
---@field attempts bq.fetch.Attempt[] what went wrong on the way, also where it came right in the end

---Fetches; a file that could not be had has `ok = false`, nothing is raised for it. Only wrong options raise.
---
---While it is fetched, a file is `<path>.part`, locked: of several processes that want the same file one fetches and the others
---wait. A `.part` that a killed run left is gone on with, and its digest decides. All threads have ended at the return.
---
---| code | what happened | tried again |
---| --- | --- | --- |
---| `dns` `connect` `timeout` `disconnected` | no answer | yes |
---| `proxy` | the proxy refused, or its URL is none | yes |
---| `protocol` | an answer that is not HTTP, or 1 MiB of headers, trailers and the like | yes |
---| `http_408` `http_425` `http_429` `http_5xx` | the server is busy or broken; `Retry-After` up to 5 minutes is kept | yes |
---| `truncated` `stalled` | it broke off on the way | yes, from there |
---| `http_404` … | the server does not have it | no |
---| `tls` | no trust in the server | no |
---| `redirect` | more than 10, to another scheme than http and https, from https to http, or to nowhere | no |
---| `scheme` `url` | not a URL that can be fetched | no |
---| `too_large` `too_small` | not `size` bytes, or more than `max_size` | no |
---| `hash_mismatch` | another digest; what came in pieces or without a marked end is fetched once more, whole | no |
---| `html` | without a digest: an HTML page, unless the name of `path` is that of one; with a digest the message says so | no |
---| `not_a_file` `ENOENT` … | a file to copy cannot be read, or is a FIFO or device | no |
---| `ENOSPC` `EACCES` … | the file cannot be written: no other URL is tried | no |
---| `skipped` | with `keep_going = false`: another file failed | no |
---| `missing` | with `verify_only`: there is no such file | no |
---
---```lua
---local results = fetch.fetch {
---  files = { { urls = { "https://zlib.net/zlib-1.3.1.tar.gz" }, path = "zlib-1.3.1.tar.gz", sha256 = digest } },
---}
---```
---@param options bq.fetch.Options
---@return bq.fetch.Result[] # in the order of `files`
function fetch.fetch(options) end

---@class bq.fetch.Call
---@field method "GET"|"HEAD"|"PUT"
---@field url string
---@field headers? string[] `Name: value`
---@field path? string GET: the file that the content goes to, by one rename; PUT: the file whose content is sent
---@field body? string PUT: the content, if there is no `path`
---@field max_size? integer GET: bytes, 4 MiB if absent; of longer content one byte more is kept, so that its digest is wrong

---@class bq.fetch.Exchange
---@field requests bq.fetch.Call[] to one server
---@field jobs? integer at once, 8 if absent
---@field retries? integer how often a request is sent again, 2 if absent
---@field connect_timeout? number seconds, 15 if absent
---@field stall_timeout? number seconds without an answer, or with less than 1 KiB/s, 30 if absent; content that is sent has as long, and a second more for each 32 KiB
---@field ca? string certificates in PEM that are trusted instead of the system's
---@field cert? string this client's certificates in PEM
---@field key? string the key of the first of them in PEM

---@class bq.fetch.Answer
---@field status? integer of HTTP; absent if no answer came
---@field body? string of a GET without `path`, with status 200 to 299
---@field code? string why it went wrong, as of `fetch`; `truncated` if the content broke off
---@field message? string the same for people; of every status but 200 to 299, too
---@field is_local? boolean the error is on this machine: the file cannot be read or written

---Sends requests to a server that keeps content. No digest is checked and no redirect followed. What may be better a moment later
---(no connection, an answer that breaks off, status 408, 425, 429, 500, 502, 503, 504) is sent again, after a wait. Nothing is raised for an
---answer; only wrong options and certificates raise. All threads have ended at the return.
---@param options bq.fetch.Exchange
---@return bq.fetch.Answer[] # in the order of `requests`
function fetch.exchange(options) end

---A text as people may see it and files may hold it: without the names and passwords in its addresses.
---@param text string an address, or a text with some
---@return string
function fetch.shown(text) end

return fetch
