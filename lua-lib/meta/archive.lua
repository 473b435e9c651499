---@meta bq.archive

---Archives: reads tar (ustar, pax, GNU) plain or with gzip, xz, bzip2, zstd, lzip or lzma, `.zip` (stored or deflated), and `.deb`; writes tar and cpio with gzip or zstd.
---Formats are told by content, never by name. What is refused, and what options let through: see `bq.archive.Extract`.
---@class bq.archive
local archive = {}

---@class bq.archive.Extract
---@field path string the archive
---@field target string a folder; made if absent
---@field sha256? string of the file; nothing of an archive with a wrong digest ever becomes visible; `hash_mismatch` with `expected` and `actual`
---@field profile? "source"|"rootfs" source (default): modes become 644 or 755, links stay inside; rootfs: modes kept, links say what they like and resolve inside the target
---@field strip? integer leading components to drop from every name, 0 if absent. Folders of which nothing is left go; anything else of which nothing is left, or that would replace what came from another folder, is refused, with the first names, one a line, in the error's `lost`
---@field include? string[] only names that are one of these or below it, after `strip` (or whole, if `strip` leaves nothing); `*` stands for any run of characters but `/`
---@field exclude? string[] like `include`, left out; wins over it
---@field merge? boolean unpack into a folder that has files already (a rootfs made of many packages); otherwise it must be empty or absent, and is whole or absent after
---@field setid? boolean keep set-user-id and set-group-id bits; otherwise such an entry is refused (profile rootfs) or its bits are dropped (profile source). Profile rootfs always keeps the sticky bit
---@field attributes? "collect"|"apply" of profile rootfs. collect: owners, set-id bits and capabilities are told in the summary, and not set (but for the bits that `setid` asks for); apply: they are set, which needs the right to. If absent, owners are not kept, and a file with capabilities is refused
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
---@field dropped table<string, integer> what was not kept, and of how many entries: `owner` (profile rootfs), `setid` and `capabilities` (profile source), and keys of pax records without a meaning here
---@field attributes? table<string, bq.archive.Attribute> by the path without links, `.` the top itself; with `attributes = "collect"`

---What a plain tree cannot hold, of one path. Owners are numbers; the names of users are never written or read.
---@class bq.archive.Attribute
---@field uid? integer 0 if absent
---@field gid? integer 0 if absent
---@field mode? integer all twelve permission bits; those that the file has if absent; not of a symbolic link
---@field capabilities? string of a file: the value of the extended attribute `security.capability`, in hexadecimal

---Unpacks. Raises with `code` `refused` (the entry's name in `path`), `truncated`, `format`, `limit`, `hash_mismatch` or an errno; after a refusal nothing is left behind (unless `merge`).
---The error also has `archive`, and `entry` and `offset`, which say where in it, and `excludable`, by which `exclude` would leave the entry out; `unknown` is there if the file is no archive. A name that is there already is replaced, but no folder by
---anything else or the other way round; with profile rootfs a folder's entry leaves a link to a folder as it is, and what is below goes where it leads.
---@param options bq.archive.Extract
---@return bq.archive.Summary
function archive.extract(options) end

---@class bq.archive.ExtractAll
---@field paths string[] the archives, in their order
---@field target string a folder, which may have files already; if it was absent or empty, it is whole or absent after
---@field threads? integer the number of cores if absent
---@field label? string of a bar that shows how far it is; without it, there is none
---@field profile? "source"|"rootfs" this and the rest as in `bq.archive.Extract`; the limits are those of each archive
---@field strip? integer
---@field include? string[]
---@field exclude? string[]
---@field setid? boolean
---@field attributes? "collect"|"apply"
---@field devices? "refuse"|"skip"|"create"
---@field mtime? integer
---@field max_bytes? integer
---@field max_entries? integer
---@field max_ratio? integer

---Unpacks many archives into one tree, several at once, in a way that gives the same tree as one after the other.
---@param options bq.archive.ExtractAll
---@return bq.archive.Summary
function archive.extract_all(options) end

---@class bq.archive.Member
---@field path string without leading `./` and trailing `/`; `.` for the top itself
---@field type "file"|"dir"|"link"|"hardlink"|"char"|"block"|"fifo"
---@field size integer
---@field mode integer
---@field mtime integer
---@field target? string of links

---What an archive holds, by the same strict rules.
---@param path string
---@return bq.archive.Member[]
function archive.list(path) end

---One file of an archive, whole: the last of that name; hard links are followed back, and a folder or symbolic link raises `type`.
---@param path string
---@param member string
---@param options? { max_bytes?: integer } 64 MiB if absent
---@return string? content `nil` if there is no such member
function archive.read(path, member, options) end

---The content of a compressed file that is no archive, such as a list. A file that is not compressed gives its own content.
---Raises `format` and `truncated` for damaged data, `limit` for more than `max_bytes`.
---@param path string
---@param options? { max_bytes?: integer } 64 MiB if absent
---@return string content
function archive.decompress(path, options) end

---A text, compressed by zstd. `decompress` gives it back.
---@param content string
---@return string
function archive.compress(content) end

---@class bq.archive.Source
---@field path string a folder or a file on disk
---@field prefix? string where it goes in the archive: of a folder, the folder that its content goes to, "" (the top) if absent; of a file, its whole name there, its own name if absent
---@field exclude? string[] relative to `path`; what is below is left out too; `*` as in `extract`
---@field mode? integer permission bits of a single file
---@field attributes? table<string, bq.archive.Attribute> by the path below `path`, `.` that itself; they go with the file, so a later source that replaces it replaces them

---@class bq.archive.Pack
---@field output string
---@field sources bq.archive.Source[] later ones win where two hold one path (folders merge)
---@field format? "tar"|"cpio" tar if absent; cpio is the format newc, which the kernel unpacks as its first root (its Documentation/driver-api/early-userspace/buffer-format.rst)
---@field compression? "none"|"gzip"|"zstd" gzip if absent
---@field level? integer 1 to 9 for gzip, 6 if absent; 1 to 19 for zstd, 3 if absent
---@field threads? integer the number of cores if absent; the bytes do not depend on it
---@field mtime? integer of every entry, 0 if absent
---@field attributes? table<string, bq.archive.Attribute> by the path in the archive, `.` the top itself; over those of the sources
---@field progress? fun(bytes: integer) called now and then with the bytes of content read so far, and at the end; must start no program

---@class bq.archive.Packed
---@field sha256 string of the output
---@field size integer of the output
---@field entries integer
---@field bytes integer of content

---Writes one archive of trees: sorted, owner 0:0 unless attributes say more, one time, hard links kept, the same bytes for the same trees. The output appears by
---one rename. Capabilities are the pax records `SCHILY.xattr.security.capability`, which GNU tar restores with `--xattrs-include`, and bsdtar.
---Raises `type` for what is no file, folder or link, or attributes that it cannot have; `missing` for attributes of what is not there; `capabilities`
---for a file that has some and whose attributes say nothing of them; `unsupported` for what a cpio cannot keep: capabilities, a file of 4 GiB; `changed` for a file that became shorter meanwhile; or an errno.
---@param options bq.archive.Pack
---@return bq.archive.Packed
function archive.pack(options) end

return archive
