//! `include_dir!` notices changed files but not new ones: these lines make cargo look at the folders.

fn main() {
    println!("cargo::rerun-if-changed=lua-lib");
    println!("cargo::rerun-if-changed=scripts");
}
