//! A build that an image is made of: a rootfs, something in the place of a kernel, and a program in the place of mke2fs.

use super::builds::{Build, Run};

pub(crate) const ROOTFS: &str = r##"return {
  name = "files", version = "1", license = "MIT", strategy = "files",
  files = { ["/usr/sbin/init"] = "#!/bin/sh\n", ["/etc/name"] = "{name}", ["/usr/local/bin/bq"] = "#!/bin/sh\n" },
  folders = { "/usr/local/bin" },
  links = { ["/sbin"] = "usr/sbin" },
}"##;

pub(crate) const KERNEL: &str = r#"return {
  name = "kernel", version = "2", license = "MIT", strategy = "files",
  files = { ["/boot/vmlinuz"] = "MZ, a kernel", ["/etc/inittab"] = "::sysinit:/bin/true\n" },
}"#;

/// The stand-in for mke2fs: it prints its arguments and keeps the tar.
pub(crate) const MKFS: &str = r#"return {
  name = "mkfs", version = "3", license = "MIT", strategy = "files", strip = false,
  files = { ["/usr/sbin/mke2fs"] = [[
#!/usr/local/bin/bq
local fs = require "bq.fs"
assert(not fs.stat "/etc/name" and not os.getenv "USER", "something of the machine is here")
local blocks = arg[#arg]:match "^(%d+)k$"
local text = ("%s\n%s\n"):format(table.concat(arg, " "), os.getenv "SOURCE_DATE_EPOCH")
assert(not fs.read("mke2fs.conf"):find "FAIL")
if table.concat(arg, " "):find "-L broken " then
  io.stderr:write "mke2fs: it is broken\n"
  os.exit(5)
end
local file = io.open(arg[#arg - 1], "wb")
file:write(text, fs.read(arg[#arg - 2]))
assert(file:seek("end") <= blocks * 1024)
file:close()
]], ["/usr/bin/mksquashfs"] = [[
#!/usr/local/bin/bq
local file = io.open(arg[2], "wb")
file:write(table.concat(arg, " ") .. "\n", io.read "a")
file:close()
]] },
  install = function(b)
    require("bq.strategy.files").install(b)
    b:write(b.dest .. "/usr/local/bin/bq", b:read "/proc/self/exe", "755")
  end,
}"#;

const PLAN: &str = r#"local function phase(name, packages)
  return { name = name, base = { "seed" }, prefix = "/usr", env = {}, apart = true, packages = { core = packages } }
end
return require("bq.stage.prepare").main({
  seed = "auto",
  set = "core",
  target = "{arch}-bq-linux-musl",
  epoch = 1735689600,
  env = { PATH = "/usr/local/bin" },
  sets = { core = { "core" } },
  phases = { phase("rootfs", { "files" }), phase("host", { "mkfs" }), phase("image", { "kernel" }) },
}, arg)"#;

const DISK: &str = r#"require("bq.image.build").main({
  rootfs = "rootfs", additions = "image", kernel = "/boot/vmlinuz", config = "/boot/config", stub = "/boot/stub.efi", tools = "host", mkfs = { ext4 = "/usr/sbin/mke2fs", squashfs = "/usr/bin/mksquashfs" },
}, arg)"#;

/// A finished build.
pub(crate) fn built() -> Build {
    built_of(ROOTFS, KERNEL)
}

/// The same of other recipes.
pub(crate) fn built_of(rootfs: &str, kernel: &str) -> Build {
    let build = Build::new(&[("files", rootfs), ("kernel", kernel), ("mkfs", MKFS)]);
    build.write("build.lua", PLAN);
    build.write("disk.lua", DISK);
    build.plain_seed();
    build.stage("seed.tar.gz", &[]).ok();
    build.bq(&["coordinator", "--workspace", "ws"]).ok();
    build
}

pub(crate) fn disk(build: &Build, more: &[&str]) -> Run {
    let mut words = vec!["disk.lua", "--workspace", "ws"];
    words.extend(more);
    build.bq(&words)
}
