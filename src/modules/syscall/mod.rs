//! `bq.syscall`: system calls, with the kernel's names.

mod block;
mod capability;
mod descriptor;
mod filter;
mod identity;
mod landlock;
mod mount;
mod names;
mod namespace;
mod node;
mod outcome;
mod process;

use mlua::{Lua, Table};

use crate::lua::module::Module;

pub(crate) fn module(lua: &Lua) -> mlua::Result<Table> {
    Module::new(lua, "syscall")
        // Namespaces.
        .function("unshare", namespace::unshare)
        .function("setns", namespace::setns)
        .function("write_proc_self_map", namespace::write_proc_self_map)
        .function("sethostname", namespace::sethostname)
        .function("setdomainname", namespace::setdomainname)
        .function("loopback_up", namespace::loopback_up)
        .function("uname", namespace::uname)
        // Mounts.
        .function("mount", mount::mount)
        .function("umount", mount::umount)
        .function("open_tree", mount::open_tree)
        .function("move_mount", mount::move_mount)
        .function("mount_setattr", mount::mount_setattr)
        .function("pivot_root", mount::pivot_root)
        .function("chroot", mount::chroot)
        // Disks in use.
        .function("blkpg_resize_partition", block::resize_partition)
        .function("ext4_ioc_resize_fs", block::ext4_resize)
        // Nodes.
        .function("mknod", node::mknod)
        // Capabilities and filters.
        .function("keep_capabilities", capability::keep)
        .function("capabilities", capability::effective)
        .function("seccomp", filter::seccomp)
        .function("landlock_scope", landlock::scope)
        .function("set_no_new_privs", process::set_no_new_privs)
        // Descriptors.
        .function("open_path", descriptor::open_path)
        .function("close", descriptor::close)
        .function("close_range", descriptor::close_range)
        .function("pipe", descriptor::pipe)
        .function("set_nonblocking", descriptor::set_nonblocking)
        .function("write", descriptor::write)
        .function("fchdir", descriptor::fchdir)
        // Users and groups.
        .function("getuid", identity::getuid)
        .function("getgid", identity::getgid)
        .function("geteuid", identity::geteuid)
        .function("getegid", identity::getegid)
        .function("setuid", identity::setuid)
        .function("setgid", identity::setgid)
        .function("setgroups", identity::setgroups)
        // This process.
        .function("getpid", process::getpid)
        .function("getppid", process::getppid)
        .function("setsid", process::setsid)
        .function("chdir", process::chdir)
        .function("umask", process::umask)
        .function("setrlimit", process::setrlimit)
        .function("set_dumpable", process::set_dumpable)
        .function("set_parent_death_signal", process::set_parent_death_signal)
        .build()
}
