---@meta bq.fs

---Files and folders. Paths are bytes; modes are numbers (`tonumber("755", 8)`); times are whole seconds since 1970.
---@class bq.fs
local fs = {}

---@class bq.fs.Stat
---@field type "file"|"dir"|"link"|"char"|"block"|"fifo"|"socket"
---@field size integer bytes
---@field mode integer permission bits, 0 to 4095 (07777)
---@field uid integer
---@field gid integer
---@field mtime integer seconds
---@field mtime_ns integer nanoseconds since 1970: the same time, as exact as the filesystem has it
---@field ctime integer nanoseconds since 1970: when the kernel last changed it, which no program can set
---@field ino integer
---@field dev integer
---@field nlink integer

---@class bq.fs.Entry
---@field path string relative to the folder that was walked
---@field type "file"|"dir"|"link"|"char"|"block"|"fifo"|"socket"
---@field size integer
---@field mode integer
---@field mtime integer seconds

---What a path is, links followed; `nil` if there is nothing.
---@param path string
---@return bq.fs.Stat?
function fs.stat(path) end

---What a path is, itself a link or not; `nil` if there is nothing.
---@param path string
---@return bq.fs.Stat?
function fs.lstat(path) end

---The names in a folder, sorted by byte.
---@param path string
---@return string[]
function fs.list(path) end

---Everything below a folder, sorted by byte, folders before what is in them; links are not followed.
---@param path string
---@return bq.fs.Entry[]
function fs.walk(path) end

---Makes a folder and those above it; nothing happens if it is there.
---@param path string
---@param mode? integer of new folders, 493 (0755) if absent
function fs.mkdir(path, mode) end

---Makes a new folder with a random name: `prefix` and some characters.
---@param prefix string a path
---@return string path
function fs.mkdtemp(prefix) end

---The whole content of a file. With one of the options, anything but a plain file is an error (`type`), and a named pipe is
---not waited for.
---@param path string
---@param options? { nofollow?: boolean, limit?: integer } a link is an error (`ELOOP`); so are more bytes than this (`limit`)
---@return string
function fs.read(path, options) end

---Writes a file whole or not at all: a temporary file beside it, synced, then renamed.
---@param path string
---@param content string
---@param options? { mode?: integer, sync?: boolean } mode 420 (0644), sync true if absent
function fs.write(path, content, options) end

---Adds to a file's end in one write, so that lines of several processes do not mix.
---@param path string
---@param content string
function fs.append(path, content) end

---Renames; replaces a file or an empty folder that is there.
---@param from string
---@param to string
function fs.rename(from, to) end

---Removes a file, a link or an empty folder; `false` if there was nothing.
---@param path string
---@return boolean removed
function fs.remove(path) end

---Removes a tree, also where modes forbid it (folders are made writable first); links are not followed; `false` if there was nothing.
---@param path string
---@return boolean removed
function fs.remove_all(path) end

---@param target string what the link says
---@param path string where it is made
function fs.symlink(target, path) end

---@param existing string
---@param path string
function fs.link(existing, path) end

---What a link says; `nil` if the path is not a link.
---@param path string
---@return string?
function fs.readlink(path) end

---The path with all links resolved.
---@param path string
---@return string
function fs.realpath(path) end

---Copies a file, a link or a tree with modes and times, but without set-id bits; reflinks where the file system can.
---@param from string
---@param to string must not exist, unless with `merge`
---@param options? { hardlink?: boolean, merge?: boolean, skip?: string[] } hardlink: link files instead of copying them where that works; merge: what is in the way is replaced, but a folder by a folder is entered, as in an overlay of `from` over `to`; skip: paths of the source, written as `from` is, that are left out with what is below
function fs.copy(from, to, options) end

---@param path string
---@param mode integer
function fs.chmod(path, mode) end

---Gives a path, itself a link or not, to a user and a group; of a file the kernel drops set-id bits and capabilities.
---@param path string
---@param uid integer
---@param gid integer
function fs.chown(path, uid, gid) end

---Sets access and modification time, of a link itself too.
---@param path string
---@param seconds integer
function fs.utime(path, seconds) end

---The extended attributes of a path, itself a link or not; empty where the file system has none.
---@param path string
---@return table<string, string> values by name, such as `security.capability`
function fs.xattrs(path) end

---Removes an extended attribute of a path, itself a link or not.
---@param path string
---@param name string
---@return boolean removed `false` if it had none of that name
function fs.remove_xattr(path, name) end

---Waits until a file's or folder's content is on the disk.
---@param path string
function fs.sync(path) end

---Waits until all that was written to a path's file system is on the disk. For a tree of many files this takes a fraction of the
---time that `sync` takes for each of them, but it waits for what others wrote, too. See syncfs(2).
---@param path string
function fs.syncfs(path) end

---@class bq.fs.Space
---@field free integer bytes that the caller may use
---@field total integer bytes
---@field type integer the file system's magic number, see `statfs(2)`
---@field readonly boolean
---@field noexec boolean
---@field nodev boolean

---@param path string
---@return bq.fs.Space
function fs.space(path) end

---Takes an exclusive lock on a file, made if absent and never removed. It is held until `unlock`, until nothing refers
---to the descriptor any more, or until every process that has it open ends. `nil` if another holds it. A link is refused.
---@param path string
---@param options? { shared?: boolean }
---@return bq.syscall.Descriptor? lock
function fs.lock(path, options) end

---@param lock bq.syscall.Descriptor from `lock`
function fs.unlock(lock) end

---The folder that the process is in.
---@return string
function fs.cwd() end

return fs
