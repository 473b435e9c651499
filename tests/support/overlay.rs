//! A folder on an overlay. An overlay cannot be the upper layer of another one, so step roots are copied there.

use std::path::Path;
use std::process::Command;

use super::bq;
use super::builds::{Build, Run};

/// Runs bq with an overlay mounted at `over`, in namespaces of its own; status 77 if there are no overlays at all here.
pub(crate) const ON_OVERLAY: &str = r#"
local fs, process, syscall = require "bq.fs", require "bq.process", require "bq.syscall"
local uid, gid, power = syscall.geteuid(), syscall.getegid(), false
for _, name in ipairs(syscall.capabilities()) do
  power = power or name == "sys_admin"
end
syscall.unshare(power and { "mount" } or { "user", "mount" })
if not power then
  syscall.write_proc_self_map { outer_uid = uid, outer_gid = gid }
end
syscall.mount { target = "/", flags = { "rec", "private" } }
for _, name in ipairs { "over", "layers/lower", "layers/upper", "layers/work" } do
  fs.mkdir(name)
end
local ok, err = pcall(syscall.mount, {
  source = "overlay",
  target = "over",
  type = "overlay",
  data = "lowerdir=layers/lower,upperdir=layers/upper,workdir=layers/work,userxattr",
})
if not ok then
  print(err)
  os.exit(77)
end
local status = process.run { argv = { process.executable(), table.unpack(arg) }, stdout = "inherit", stderr = "inherit" }
os.exit(status.code or 1)
"#;

/// Runs bq in the build's folder, where `over` is an overlay.
pub(crate) fn on_overlay(build: &Build, words: &[&str]) -> Run {
    Run::of(&mut command(build.path(), words))
}

/// The command of this.
pub(crate) fn command(folder: &Path, words: &[&str]) -> Command {
    let mut command = bq(folder);
    command.args(["-e", ON_OVERLAY, "--"]).args(words);
    command
}
