---@meta bq.archive

---Archives: reads tar (ustar, pax, GNU) plain or with gzip, xz, bzip2 or zstd, and `.deb`; writes tar with gzip or zstd.
---Formats are told by content, never by name. What is refused and why: design section 12.
---@class bq.archive
local archive = {}

---@class bq.archive.Extract
---@field path string the archive
---@field target string a folder; made if absent
---@field sha256? string checked before the first byte is unpacked; `hash_mismatch` with `expected` and `actual`
---@field profile? "source"|"rootfs" source (default): modes become 644 or 755, links stay inside; rootfs: modes kept, links say what they like and resolve inside the target
---@field strip? integer leading components to drop from every name, 0 if absent; entries with no more than that are left out
---@field include? string[] only names that are one of these or below it, after `strip`; `*` stands for any run of characters but `/`
---@field exclude? string[] like `include`, left out
---@field merge? boolean unpack into a folder that has files already (a rootfs made of many packages); otherwise it must be empty or absent, and is whole or absent after
---@field setid? boolean keep set-user-id, set-group-id and sticky bits; otherwise such an entry is refused (profile rootfs) or its bits are dropped (profile source)
---@field devices? "refuse"|"skip"|"create" character and block devices and FIFOs; refuse if absent
---@field mtime? integer the time of everything, instead of the archive's
---@field max_bytes? integer of all content, 64 GiB if absent
---@field max_entries? integer 2000000 if absent
---@field max_ratio? integer content over compressed size, for more than 64 MiB of content; 2000 if absent

---@class bq.archive.Summary
---@field entries integer
---@field bytes integer of content
---@field skipped integer device nodes that were left out
---@field top string[] the names at the top, sorted, after `strip`

---Unpacks. Raises with `code` `refused` (the entry's name in `path`), `truncated`, `format`, `limit`, `hash_mismatch` or an errno; after a refusal nothing is left behind (unless `merge`).
---@param options bq.archive.Extract
---@return bq.archive.Summary
function archive.extract(options) end

---Unpacks many archives into one tree, several at once, in a way that gives the same tree as one after the other.
---@param options { paths: string[], target: string, threads?: integer, profile?: string, setid?: boolean, devices?: string, exclude?: string[] }
---@return bq.archive.Summary
function archive.extract_all(options) end

---@class bq.archive.Member
---@field path string
---@field type "file"|"dir"|"link"|"hardlink"|"char"|"block"|"fifo"
---@field size integer
---@field mode integer
---@field mtime integer
---@field target? string of links

---What an archive holds, by the same strict rules.
---@param path string
---@return bq.archive.Member[]
function archive.list(path) end

---One file of an archive, whole.
---@param path string
---@param member string
---@param options? { max_bytes?: integer } 64 MiB if absent
---@return string? content `nil` if there is no such member
function archive.read(path, member, options) end

---@class bq.archive.Source
---@field path string a folder or a file on disk
---@field prefix? string where it goes in the archive, "" (the top) if absent
---@field exclude? string[] relative to `path`; what is below is left out too; `*` as in `extract`
---@field mode? integer permission bits of a single file

---@class bq.archive.Pack
---@field output string
---@field sources bq.archive.Source[] later ones win where two hold one path (folders merge)
---@field compression? "none"|"gzip"|"zstd" gzip if absent
---@field level? integer 6 for gzip, 10 for zstd if absent
---@field threads? integer the number of cores if absent; the bytes do not depend on it
---@field mtime? integer of every entry, 0 if absent
---@field progress? fun(bytes: integer) called now and then with the bytes of content read so far

---@class bq.archive.Packed
---@field sha256 string of the output
---@field size integer of the output
---@field entries integer
---@field bytes integer of content

---Writes a tar of trees: sorted, owner 0:0, one time, hard links kept, the same bytes for the same trees. The output appears by one rename.
---@param options bq.archive.Pack
---@return bq.archive.Packed
function archive.pack(options) end

return archive
