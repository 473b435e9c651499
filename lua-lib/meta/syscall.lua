---@meta bq.syscall

---The kernel's calls under the kernel's names. Flags are lowercase strings. Each failure is a `bq.error` with call, path, errno and its name.
---@class bq.syscall
local syscall = {}

---@alias bq.syscall.Namespace "user"|"mount"|"pid"|"net"|"ipc"|"uts"|"cgroup"
---@alias bq.syscall.MountFlag "bind"|"rec"|"private"|"slave"|"shared"|"unbindable"|"remount"|"rdonly"|"nosuid"|"nodev"|"noexec"|"noatime"|"relatime"|"strictatime"|"nosymfollow"|"move"

---An open descriptor. It is closed by `close`, at the end of a `<close>` variable, or when nothing refers to it any more.
---@class bq.syscall.Descriptor
local descriptor = {}
---The kernel's number; nil once it is closed.
---@return integer?
function descriptor:number() end

---unshare(2). `user` wants a process with one thread.
---@param namespaces bq.syscall.Namespace[]
function syscall.unshare(namespaces) end

---setns(2).
---@param descriptor bq.syscall.Descriptor
---@param namespace? bq.syscall.Namespace
function syscall.setns(descriptor, namespace) end

---Maps one user and one group id of a new user namespace to the caller's own: `deny` to setgroups, then uid_map, then gid_map.
---@param options { uid?: integer, gid?: integer, outer_uid: integer, outer_gid: integer } inner ids, 0 if absent; outer ids: the effective ones before `unshare`
function syscall.write_proc_self_map(options) end

---mount(2).
---@param options { source?: string, target: string, type?: string, flags?: bq.syscall.MountFlag[], data?: string }
function syscall.mount(options) end

---umount2(2).
---@param target string
---@param flags? ("detach"|"force"|"expire"|"nofollow")[]
function syscall.umount(target, flags) end

---open_tree(2) with OPEN_TREE_CLONE: a detached copy of a mount.
---@param path string
---@param options? { recursive?: boolean }
---@return bq.syscall.Descriptor tree
function syscall.open_tree(path, options) end

---move_mount(2): attaches what `open_tree` gave. The target is resolved without following links.
---@param tree bq.syscall.Descriptor closed by this
---@param target string
function syscall.move_mount(tree, target) end

---mount_setattr(2): adds attributes, never takes any away.
---@param path string
---@param attributes ("rdonly"|"nosuid"|"nodev"|"noexec"|"nosymfollow")[]
---@param options? { recursive?: boolean }
function syscall.mount_setattr(path, attributes, options) end

---ioctl(2) with BLKPG_RESIZE_PARTITION: tells the kernel the new size of a partition that may be in use.
---@param options { device: string, index: integer, start: integer, size: integer } device: the disk; start, size: bytes
function syscall.blkpg_resize_partition(options) end

---ioctl(2) with EXT4_IOC_RESIZE_FS: makes a mounted ext4 larger.
---@param path string a folder of it
---@param blocks integer the new number of its blocks
function syscall.ext4_ioc_resize_fs(path, blocks) end

---@param new_root string
---@param put_old string
function syscall.pivot_root(new_root, put_old) end
---@param path string
function syscall.chroot(path) end
---mknod(2). A user who may make no devices can still make a `char` node of device 0:0: in a layer of an overlay, it stands for a
---path that is removed.
---@param options { path: string, type: "file"|"char"|"block"|"fifo", mode?: integer, major?: integer, minor?: integer } mode 420 (0644), device 0:0 if absent
function syscall.mknod(options) end
---@param path string
function syscall.chdir(path) end
---@param descriptor bq.syscall.Descriptor
function syscall.fchdir(descriptor) end
---open(2) with O_PATH and O_CLOEXEC.
---@param path string
---@param options? { directory?: boolean, nofollow?: boolean }
---@return bq.syscall.Descriptor descriptor
function syscall.open_path(path, options) end
---@param descriptor bq.syscall.Descriptor
function syscall.close(descriptor) end
---pipe2(2) with O_CLOEXEC.
---@return bq.syscall.Descriptor[] ends the one to read from, the one to write to
function syscall.pipe() end
---fcntl(2) with F_SETFL and O_NONBLOCK: a `write` that would wait raises EAGAIN instead. It counts for all that share the open
---file, such as a child that was given the descriptor, but not for the other end of a pipe.
---@param descriptor bq.syscall.Descriptor
function syscall.set_nonblocking(descriptor) end
---write(2).
---@param descriptor bq.syscall.Descriptor
---@param data string
---@return integer written bytes, which may be fewer than there are
function syscall.write(descriptor, data) end
---close_range(2): every descriptor from `first` up but `keep` is closed on exec, or now.
---@param first integer
---@param options? { keep?: (integer|bq.syscall.Descriptor)[], now?: boolean }
function syscall.close_range(first, options) end
---@param name string
function syscall.sethostname(name) end
---@param name string
function syscall.setdomainname(name) end
---@return integer
function syscall.getpid() end
---@return integer
function syscall.getppid() end
---@return integer
function syscall.getuid() end
---@return integer
function syscall.getgid() end
---@return integer
function syscall.geteuid() end
---@return integer
function syscall.getegid() end
---setresuid(2), all three.
---@param uid integer
function syscall.setuid(uid) end
---setresgid(2), all three.
---@param gid integer
function syscall.setgid(gid) end
---@param gids integer[]
function syscall.setgroups(gids) end
---@return integer session
function syscall.setsid() end
---@param mask integer
---@return integer previous
function syscall.umask(mask) end
---prctl(PR_SET_NO_NEW_PRIVS).
function syscall.set_no_new_privs() end
---prctl(PR_SET_PDEATHSIG): the signal that comes when the parent's thread ends. Ends this process if `fork` made it and its
---parent has ended already.
---@param signal string
function syscall.set_parent_death_signal(signal) end
---prctl(PR_SET_DUMPABLE).
---@param dumpable boolean
function syscall.set_dumpable(dumpable) end
---Cuts all five capability sets down to these lowercase names, such as `chown`, `sys_admin`.
---@param keep string[]
function syscall.keep_capabilities(keep) end
---The effective capabilities of this process, as lowercase names.
---@return string[]
function syscall.capabilities() end
---@param resource string lowercase, such as `nofile`
---@param soft integer
---@param hard? integer
function syscall.setrlimit(resource, soft, hard) end
---Brings the loopback device of this network namespace up.
function syscall.loopback_up() end
---Installs a seccomp filter: `succeed` calls answer 0 without being made, `deny` calls fail with EPERM, by name; `deny_sockets`
---sockets of these families (`alg`, `packet`, `vsock`) fail with EAFNOSUPPORT; with `deny_namespaces`, new namespaces fail with
---EPERM, and clone3(2) with ENOSYS, after which programs use clone(2).
---@param options { succeed?: string[], deny?: string[], deny_sockets?: string[], deny_namespaces?: boolean }
function syscall.seccomp(options) end
---landlock(7): from here on only abstract sockets and signals of this domain can be reached, where the kernel can do that.
---@return boolean done
function syscall.landlock_scope() end

---@class bq.syscall.Uname
---@field sysname string
---@field nodename string
---@field release string
---@field version string
---@field machine string

---@return bq.syscall.Uname
function syscall.uname() end

return syscall
