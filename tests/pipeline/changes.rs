//! What is built again after a change, and the reason that is named.

use crate::{Rig, names, needs_namespaces};

/// Runs the coordinator after a change: which steps were started, and why.
fn started(rig: &Rig) -> Vec<String> {
    let left = rig.build(&[]).is(0);
    let last = left.lines().pop();
    let all = rig.outputs().len();
    assert!(
        last == Some(format!("{all} steps: {all} done"))
            || last == Some(format!("nothing to do: all {all} steps are in the store")),
        "{}",
        left.err
    );
    left.started()
}

#[test]
fn a_comment_changes_nothing() {
    needs_namespaces!();
    let rig = Rig::built();
    let before = rig.outputs();
    rig.replace("packages/lib.lua", "return {", "-- why\nreturn {   ");
    rig.replace(
        "packages/lib.lua",
        "-- The answer of what it depends on",
        "-- Of what it depends on",
    );
    let left = rig.build(&[]).is(0);
    assert!(
        left.err
            .starts_with("the recipe `lib` was edited: making the plan again\n"),
        "{}",
        left.err
    );
    assert!(
        left.err
            .ends_with("nothing to do: all 5 steps are in the store\n"),
        "{}",
        left.err
    );
    assert_eq!(rig.outputs(), before);
    // The plan is up to date now.
    assert_eq!(
        rig.build(&[]).is(0).err,
        "nothing to do: all 5 steps are in the store\n"
    );
}

#[test]
fn a_flag_rebuilds_its_step_and_what_needs_it() {
    needs_namespaces!();
    let rig = Rig::built();
    let before = rig.outputs();
    rig.replace("packages/lib.lua", "FLAG = \"one\"", "FLAG = \"two\"");
    let shown = rig.run(&["status", "--workspace", "space"]).is(0);
    assert!(
        shown.out.contains("5 done"),
        "the plan is as it was: {}",
        shown.out
    );
    assert_eq!(
        started(&rig),
        [
            "high/final 1: what phase `low` made changed",
            "low/app 1: the output of `low/lib` changed",
            "low/lib 1: env.FLAG changed: `one` → `two`",
        ]
    );
    let after = rig.outputs();
    for step in ["low/base", "low/alone"] {
        assert_eq!(after[step], before[step]);
    }
    for step in ["low/lib", "low/app", "high/final"] {
        assert_ne!(after[step], before[step]);
    }
    // After the change is undone, every output is still in the store.
    rig.replace("packages/lib.lua", "FLAG = \"two\"", "FLAG = \"one\"");
    assert_eq!(started(&rig), [""; 0]);
    assert_eq!(rig.outputs(), before);
}

#[test]
fn an_output_that_came_out_the_same_rebuilds_nothing_above() {
    needs_namespaces!();
    let rig = Rig::built();
    let before = rig.outputs();
    rig.replace(
        "packages/lib.lua",
        "FLAG = \"one\"",
        "FLAG = \"one\", UNUSED = \"x\"",
    );
    let left = rig.build(&[]).is(0);
    assert_eq!(
        left.started(),
        ["low/lib 1: env.UNUSED changed: nothing → `x`"]
    );
    let left = left
        .says("  reused low/app: its inputs are unchanged\n")
        .says("  reused high/final: its inputs are unchanged\n");
    assert!(left.err.ends_with("5 steps: 5 done\n"), "{}", left.err);
    assert_eq!(rig.outputs(), before);
}

#[test]
fn an_output_that_is_not_in_the_base_rebuilds_nothing_of_later_phases() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.replace(
        "packages/alone.lua",
        "files = {",
        "in_base = false, files = {",
    );
    rig.replace(
        "packages/final.lua",
        "b:read \"/opt/alone\"",
        "(b:stat \"/opt/alone\" and \"seen\" or \"not seen\")",
    );
    rig.stage(&[]).is(0);
    rig.build(&[]).is(0);
    let made = std::fs::read_to_string(rig.stored("high/final").join("output/usr/final"));
    assert!(made.is_ok_and(|text| text.ends_with("app\nnot seen")));
    // It is in the root of its own phase.
    let code = "local space = require('bq.workspace').new 'space'
        local build = require('bq.run.state').look(space, space:plan())
        print(#build:phase_outputs 'low', #build:layers(build.by_id['high/final']))";
    assert_eq!(rig.lua(code), "4\t3\n");

    let before = rig.outputs();
    rig.replace("packages/alone.lua", "\"alone\\n\"", "\"other\\n\"");
    assert_eq!(
        started(&rig),
        ["low/alone 1: files./opt/alone changed: `alone\\n` → `other\\n`"]
    );
    let differs: Vec<_> = rig
        .outputs()
        .into_iter()
        .filter(|(id, output)| before[id] != *output)
        .map(|(id, _)| id)
        .collect();
    assert_eq!(differs, ["low/alone"]);

    // Later phases neither wait for it, nor fail with it, nor go with it.
    let text = rig.text("packages/alone.lua");
    rig.replace(
        "packages/alone.lua",
        "files = {",
        "install = function() error \"no\" end, files = {",
    );
    rig.replace("packages/final.lua", "b:write(", "b:say \"again\" b:write(");
    rig.build(&["--keep-going"])
        .is(1)
        .says("5 steps: 4 done, 1 failed");
    rig.write("packages/alone.lua", &text);
    rig.build(&[]).is(0);
    // The third time: the entries of its earlier texts are in the store, too.
    rig.replace("packages/alone.lua", "\"other\\n\"", "\"third\\n\"");
    rig.build(&[]).is(0);
    let store = std::fs::read_dir(rig.path("space/store")).expect("it is there");
    let mut count = 0;
    for entry in store.flatten() {
        let file = entry.path().join("output/opt/alone");
        if std::fs::read_to_string(&file).is_ok_and(|text| text == "third\n") {
            std::fs::write(file, "damaged").expect("it is ours");
            count += 1;
        }
    }
    assert_eq!(count, 1);
    let left = rig
        .run(&["verify", "--workspace", "space", "--store"])
        .is(1)
        .says(" (low/alone) is damaged\n");
    assert!(!left.err.contains("goes too"), "{}", left.err);
    let left = rig.build(&[]).is(0);
    assert_eq!(left.started().len(), 1, "{}", left.err);

    // A plan that is narrowed leaves it out.
    rig.stage(&["--only", "final"]).is(0);
    assert!(!rig.outputs().contains_key("low/alone"));
}

#[test]
fn a_version_takes_its_own_source() {
    needs_namespaces!();
    let rig = Rig::built();
    rig.write("upstream2/lib-2/data", "newer data\n");
    rig.lua(
        "require('bq.archive').pack { output = 'mirror/lib-2.tar.gz', sources = { { path = 'upstream2' } } }",
    );
    let old = crate::sha256(&rig.read("mirror/lib-1.tar.gz"));
    let new = crate::sha256(&rig.read("mirror/lib-2.tar.gz"));
    rig.replace("packages/lib.lua", "version = \"1\"", "version = \"2\"");
    // The digest is still that of the old version: the old file is not taken for the new one, and what was built stays.
    rig.build(&[])
        .is(1)
        .says("packages/lib.lua:8: `http://127.0.0.1:1/lib-{version}.tar.gz`: its digest is of version `1`, and `version` is `2`; fetch and pin it: ");
    rig.replace("packages/lib.lua", &old, &new);
    rig.replace("packages/lib.lua", "pinned = \"1\"", "pinned = \"2\"");
    let reasons = started(&rig);
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    let reason = format!(
        "low/lib 2: source main changed: `{}…` → `{}…`; version changed: `1` → `2`",
        &old[..12],
        &new[..12]
    );
    assert_eq!(reasons[2], reason);
    let text = std::fs::read_to_string(rig.stored_of("low/lib", "2").join("output/opt/lib"));
    assert_eq!(text.expect("it is there"), "base\nnewer data\none\n");
}

#[test]
fn a_patch_and_functions_and_the_order() {
    needs_namespaces!();
    let rig = Rig::built();
    // One more dependency: the step's base differs now.
    rig.replace("packages/app.lua", "{ \"lib\" }", "{ \"lib\", \"alone\" }");
    assert_eq!(started(&rig), ["low/app 1: it depends on `low/alone` now"]);
    rig.replace("packages/app.lua", "\"app\\n\"", "\"APP\\n\"");
    let reasons = started(&rig);
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(
        reasons[1].starts_with("low/app 1: the recipe's own functions changed: `"),
        "{reasons:?}"
    );
}

#[test]
fn packages_join_and_leave() {
    needs_namespaces!();
    let rig = Rig::built();
    // A recipe of the user's own, in another folder.
    rig.write(
        "elsewhere/own.lua",
        "return { name = 'own', version = '3', license = 'MIT', strategy = 'files', strip = false, depends = { 'final' },
          files = { ['/usr/own'] = 'own\\n' } }",
    );
    rig.stage(&["--recipes", "elsewhere", "--with", "own"])
        .is(0);
    assert_eq!(started(&rig), ["high/own 3: it was never built here"]);
    // The plan remembers where its recipes were.
    rig.replace("elsewhere/own.lua", "own\\n", "OWN\\n");
    assert_eq!(
        started(&rig),
        ["high/own 3: files./usr/own changed: `own\\n` → `OWN\\n`"]
    );
    rig.stage(&["--without", "alone"]).is(0);
    rig.build(&[]).is(1).says("/opt/alone");
    rig.stage(&["--only", "app"]).is(0);
    assert_eq!(started(&rig), [""; 0]);
    assert_eq!(rig.outputs().len(), 3);
}

#[test]
fn another_seed_rebuilds_what_rests_on_it() {
    needs_namespaces!();
    let rig = Rig::built();
    let before = rig.outputs();
    rig.write("seed/etc/more", "more\n");
    rig.lua(
        "require('bq.archive').pack { output = 'seed.tar.gz', sources = { { path = 'seed' } } }",
    );
    rig.stage(&[]).is(0).says("unpacking the seed");
    let left = rig.build(&[]).is(0);
    let reasons = left.started();
    assert_eq!(
        reasons,
        [
            "low/alone 1: the seed changed",
            "low/app 1: the seed changed",
            "low/base 1: the seed changed",
            "low/lib 1: the seed changed",
        ]
    );
    // All outputs are the same as before, so the dependents that need only them are reused.
    left.says("  reused high/final: its inputs are unchanged\n");
    assert_eq!(rig.outputs(), before);
}

#[test]
fn an_edited_declaration_is_planned_again() {
    needs_namespaces!();
    let rig = Rig::built();
    rig.replace("plan.lua", "prefix = \"/usr\"", "prefix = \"/usr/local\"");
    let left = rig.build(&[]).is(0);
    assert!(
        left.err
            .starts_with("`plan.lua` was edited: making the plan again\n"),
        "{}",
        left.err
    );
    assert_eq!(
        left.started(),
        ["high/final 1: prefix changed: `/usr` → `/usr/local`"]
    );
}

#[test]
fn mistakes_lose_nothing() {
    needs_namespaces!();
    let rig = Rig::built();
    let before = rig.outputs();
    let folder = rig.folder.path().canonicalize().expect("it is there");
    let recipe = format!("{}/packages/lib.lua", folder.display());
    for (old, new, problem) in [
        (
            "depends",
            "depnds",
            "6: unknown field `depnds`, did you mean `depends`?",
        ),
        (
            "{ \"base\" }",
            "{ \"bsae\" }",
            "7: `lib` needs `bsae`, for which there is no recipe; in phase `low`: did you mean `base`?",
        ),
        (
            "{ \"base\" }",
            "{ \"app\" }",
            "7: the dependencies form a cycle: lib → app → lib",
        ),
        (
            "version = \"1\",",
            "version = \"1\"",
            "4: '}' expected (to close '{' at line 1) near 'license'",
        ),
        ("sha256", "sha265", "8: a source has no field `sha265`"),
    ] {
        rig.replace("packages/lib.lua", old, new);
        let left = rig.build(&[]).is(1);
        assert!(
            left.err
                .contains(problem.split_once(' ').expect("it has words").1),
            "{}",
            left.err
        );
        assert!(left.err.contains(&recipe), "{}", left.err);
        rig.replace("packages/lib.lua", new, old);
    }
    assert_eq!(
        rig.build(&[]).is(0).err,
        "nothing to do: all 5 steps are in the store\n"
    );
    assert_eq!(rig.outputs(), before);
    assert_eq!(names(&rig.path("space/build")), [""; 0]);
}

#[test]
fn a_field_is_a_template_and_a_function_is_not() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.recipe(
        "base",
        r#"files = { ["/opt/base"] = "base\n", ["/opt/x.pc"] = "libdir=${prefix}/lib {prefix} {{prefix}} {a,b}\n" },
  install = function(b)
    require("bq.strategy.files").install(b)
    local said = b:capture { "/proc/self/exe", "-e", "io.write [[${name} {name} {{name}} {print}]]" }
    b:write(b.dest .. "/opt/said", said .. b:expand " {name} {{name}} ${name}")
  end"#,
    );
    rig.stage(&["--only", "base"]).is(0);
    rig.build(&[]).is(0);
    let output = rig.stored("low/base").join("output/opt");
    let text = |name: &str| std::fs::read_to_string(output.join(name)).expect("it is there");
    assert_eq!(text("x.pc"), "libdir=${prefix}/lib /opt {prefix} {a,b}\n");
    assert_eq!(
        text("said"),
        "${name} {name} {{name}} {print} base {name} ${name}"
    );
    // In a function, an unknown name fails the step.
    rig.replace("packages/base.lua", "{{name}} ${name}\"", "{nmae}\"");
    rig.build(&[])
        .is(1)
        .says("caused by: `{nmae}` stands for nothing\n")
        .says("hint: did you mean `{name}`? `{{nmae}}` is how the text `{nmae}` is written\n");
}

#[test]
fn explain_gives_the_reasons_before_anything_is_built() {
    needs_namespaces!();
    let rig = Rig::built();
    let explain = |words: &[&str]| rig.run(&[&["explain", "--workspace", "space"], words].concat());
    explain(&["lib"])
        .is(0)
        .says("low/lib 1\ndone: its output ")
        .says(" in the store; nothing changed since it was built\nkey ")
        .says("\n  fields env FLAG ")
        .says(&format!("\n  {:<40} none\n", "patches"));
    rig.replace("packages/lib.lua", "FLAG = \"one\"", "FLAG = \"two\"");
    rig.stage(&[]).is(0);
    let reason = "env.FLAG changed: `one` → `two`";
    explain(&["low/lib"])
        .is(0)
        .says(&format!("\nwould be built now: {reason}\nkey "));
    let waiting = explain(&["app"]).is(0);
    assert_eq!(
        waiting.out,
        format!("low/app 1\nwaits: its key is known when these are built\n  low/lib: {reason}\n")
    );
    let change = explain(&["--if", "lib"]).is(0);
    let steps: Vec<_> = change
        .out
        .lines()
        .take_while(|line| !line.starts_with("a change"))
        .map(|line| line.split(' ').next())
        .collect();
    assert_eq!(
        steps,
        [Some("low/lib"), Some("low/app"), Some("high/final")]
    );
    change.says("a change of `lib` builds at most 3 of 5 steps again: about ");
    assert_eq!(
        explain(&["--path", "final", "lib"]).is(0).out,
        "high/final is built on phase `low`, which contains low/lib\n"
    );
    assert_eq!(
        explain(&["--path", "app", "lib"]).is(0).out,
        "low/app depends on low/lib\n"
    );
    assert_eq!(
        explain(&["--path", "lib", "app"]).is(0).out,
        "`low/lib` does not depend on `low/app`\n"
    );
    // The coordinator gives the same reason, and the key that was said is that of the output.
    let said = explain(&["lib", "--json"]).is(0);
    let key = said
        .out
        .split("\"key\": \"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("it has a key");
    assert!(started(&rig).contains(&format!("low/lib 1: {reason}")));
    assert!(rig.path(&format!("space/store/{key}/output")).exists());
    explain(&["libb"]).is(2).says("did you mean `lib`?");
    explain(&["--path", "lib"])
        .is(2)
        .says("`--path` takes two steps");
}
