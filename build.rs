//! Looks at the folders of the library and the programs, and at the flags: `include_dir!` notices changed files but not new ones,
//! and `RUSTFLAGS` takes the place of the flags in `.cargo/config.toml`.

fn main() {
    println!("cargo::rerun-if-changed=lua-lib");
    println!("cargo::rerun-if-changed=scripts");
    let features = std::env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    if !features.split(',').any(|feature| feature == "crt-static") {
        println!(
            "cargo::warning=this bq is not static and cannot run in roots that hold nothing else: \
             add `-C target-feature=+crt-static` to your flags"
        );
    }
}
