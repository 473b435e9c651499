//! What a step can reach of the machine. A program tries it in every mode in which steps run. The program is this
//! test program itself: it is static, so that it runs in a root that contains only bq.
// A test fails by panicking; clippy allows that in test functions only, not in what they share.
#![allow(clippy::expect_used, clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod attributes;
mod modes;
mod outputs;
mod probe;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "--probe") {
        probe::main(&words[1..]);
        return;
    }
    let tests: [(&str, fn()); 11] = [
        ("as_an_ordinary_user", modes::as_an_ordinary_user),
        ("as_root", modes::as_root),
        (
            "in_copies_as_an_ordinary_user",
            modes::in_copies_as_an_ordinary_user,
        ),
        ("in_copies_as_root", modes::in_copies_as_root),
        (
            "nested_as_an_ordinary_user",
            modes::nested_as_an_ordinary_user,
        ),
        ("nested_as_root", modes::nested_as_root),
        (
            "noted_of_an_ordinary_user",
            attributes::noted_of_an_ordinary_user,
        ),
        ("noted_of_root", attributes::noted_of_root),
        ("noted_in_copies", attributes::noted_in_copies),
        (
            "a_step_that_kills_all_it_can",
            outputs::a_step_that_kills_all_it_can,
        ),
        (
            "links_in_outputs_lead_nowhere",
            outputs::links_in_outputs_lead_nowhere,
        ),
    ];
    let trials = tests
        .into_iter()
        .map(|(name, body)| {
            Trial::test(name, move || {
                // In a thread that has its name, as other tests have, so that a test that is skipped can say who it is.
                let thread = std::thread::Builder::new().name(name.into());
                thread
                    .spawn(body)?
                    .join()
                    .unwrap_or_else(|cause| std::panic::resume_unwind(cause));
                Ok(())
            })
        })
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
