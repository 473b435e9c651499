//! Programs whose loader or library path is a folder that exists only during the build.

use crate::{Rig, needs_namespaces};

/// Lua that makes an ELF-64 file of the step's machine: its loader, and where it looks for libraries by a tag.
const ELF: &str = r#"local function elf(loader, tag, paths)
      local base, headers, strings = 0x400000, 64 + 3 * 56, "\0" .. paths .. "\0" .. loader .. "\0"
      local dynamic = ""
      for _, pair in ipairs { { tag, 1 }, { 5, base + headers }, { 10, #strings }, { 0, 0 } } do
        dynamic = dynamic .. ("<i8i8"):pack(pair[1], pair[2])
      end
      local function header(kind, offset, length)
        return ("<I4I4i8i8i8i8i8i8"):pack(kind, 4, offset, base + offset, base + offset, length, length, 8)
      end
      local machine = b.arch == "x86_64" and 62 or 183
      return "\127ELF\2\1\1" .. ("\0"):rep(9)
        .. ("<I2I2I4i8i8i8I4I2I2I2I2I2I2"):pack(3, machine, 1, base, 64, 0, 0, 64, 56, 3, 64, 0, 0)
        .. header(1, 0, headers + #strings + #dynamic)
        .. header(3, headers + #paths + 2, #loader + 1)
        .. header(2, headers + #strings, #dynamic)
        .. strings .. dynamic
    end
    local RPATH, RUNPATH, LOADER = 15, 29, "/lib/ld.so"
"#;

const PROGRAMS: &str = r#"for name, text in pairs {
      good = elf(LOADER, RUNPATH, "$ORIGIN/../lib:/usr/lib"),
      runpath = elf(LOADER, RUNPATH, "/usr/lib:/bq/dest/usr/lib"),
      rpath = elf(LOADER, RPATH, "/bq/build/lib"),
      loader = elf("/bq/src/ld.so", RUNPATH, "/usr/lib"),
      toolchain = elf(LOADER, RUNPATH, "/opt/sysroot/lib"),
      toolchains_loader = elf("/opt/sysroot/lib/ld.so", RUNPATH, "/usr/lib"),
    } do
      b:write(b.dest .. "/opt/programs/" .. name, text, tonumber("755", 8))
    end
    b:write(b.dest .. "/opt/alone", "alone\n")
"#;

fn rig(more: &str) -> Rig {
    let rig = Rig::new();
    rig.replace(
        "plan.lua",
        "target = ",
        "sysroot = \"/opt/sysroot\", target = ",
    );
    rig.recipe(
        "alone",
        &format!("install = function(b)\n    {ELF}{PROGRAMS}  end{more}"),
    );
    rig.stage(&[]).is(0);
    rig
}

#[test]
fn what_a_program_needs_of_the_build_is_refused() {
    needs_namespaces!();
    let rig = rig("");
    let left = rig.build(&["--keep-going"]).is(1);
    let left = left
        .says("error: low/alone failed")
        .says("caused by: the output is refused: 7 things are wrong\n")
        .says("  /opt/programs/runpath: searches `/bq/dest/usr/lib` for libraries (its rpath)\n")
        .says("  /opt/programs/rpath: searches `/bq/build/lib` for libraries (its rpath)\n")
        .says("  /opt/programs/loader: is started by `/bq/src/ld.so` (its interpreter)\n")
        .says("  /opt/programs/toolchain: searches `/opt/sysroot/lib` for libraries (its rpath)\n")
        .says("  /opt/programs/toolchain: names `/opt/sysroot`: `/opt/sysroot/lib`\n")
        .says("  /opt/programs/toolchains_loader: is started by `/opt/sysroot/lib/ld.so` (its interpreter)\n")
        .says("  /opt/programs/toolchains_loader: names `/opt/sysroot`: `/opt/sysroot/lib/ld.so`\n")
        .says("hint: mend it in the recipe; where it is meant, say so there: `may_name = { \"PATH\" }`\n");
    assert!(!left.err.contains("programs/good"), "{}", left.err);
    // It is not stored.
    assert!(!rig.outputs().contains_key("low/alone"));
}

#[test]
fn a_recipe_may_say_that_it_is_meant() {
    needs_namespaces!();
    let rig = rig(",\n  may_name = { \"/opt/programs/r*\", \"/opt/programs/loader\" }");
    rig.build(&["--keep-going"])
        .is(1)
        .says("caused by: the output is refused: 4 things are wrong\n")
        .says("  /opt/programs/toolchain: searches `/opt/sysroot/lib`");
    rig.replace("packages/alone.lua", "/opt/programs/r*", "/opt/programs/*");
    rig.build(&[]).is(0);
}

#[test]
fn the_toolchain_may_name_itself() {
    needs_namespaces!();
    let rig = rig("");
    rig.replace("plan.lua", "prefix = \"/opt\"", "prefix = \"/opt/sysroot\"");
    rig.stage(&[]).is(0);
    let left = rig.build(&["--keep-going"]).is(1);
    let left = left.says("caused by: the output is refused: 3 things are wrong\n");
    assert!(!left.err.contains("`/opt/sysroot"), "{}", left.err);
}
