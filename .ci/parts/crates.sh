# Licences, duplicates and origins of crates: `cargo deny`. Advisories are looked up by the workflow.
kept cargo-deny 0.20.2 crate --no-default-features cargo-deny@0.20.2
"$folder/bin/cargo-deny" --locked check --hide-inclusion-graph bans licenses sources
