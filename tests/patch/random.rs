//! Many small trees with random changes: the output of diff and git turns the old tree into the new one.

use super::{Place, noise};

/// Numbers that look random, the same in every run.
struct Dice(Vec<u8>, usize);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.1 = (self.1 + 1) % self.0.len();
        usize::from(self.0[self.1]) % limit
    }
}

/// Lines of few kinds, so that a hunk matches in several places.
fn text(dice: &mut Dice, count: usize) -> Vec<String> {
    (0..count)
        .map(|_| {
            [
                "a\n",
                "b\n",
                "\n",
                "c\r\n",
                "-- x\n",
                "+++ y\n",
                "@@ -1 +1 @@\n",
                " \n",
            ][dice.below(8)]
            .to_owned()
        })
        .collect()
}

fn change(dice: &mut Dice, lines: &mut Vec<String>) {
    for _ in 0..=dice.below(4) {
        let at = dice.below(lines.len().max(1));
        match dice.below(3) {
            0 => lines.insert(at.min(lines.len()), format!("new {}\n", dice.below(9))),
            1 if at < lines.len() => drop(lines.remove(at)),
            _ if at < lines.len() => lines[at] = format!("changed {}\n", dice.below(9)),
            _ => lines.push("a\n".to_owned()),
        }
    }
}

#[test]
fn trees() {
    for seed in 0..20 {
        let mut dice = Dice(noise(seed, 4096), 0);
        let place = Place::new();
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for index in 0..6 {
            let name = ["f", "dir/g", "dir/h i", "x/y/z", "ü", "empty"][index];
            let count = if index == 5 { 0 } else { 5 + dice.below(40) };
            let mut lines = text(&mut dice, count);
            let bare = |lines: &[String], cut: bool| {
                let all = lines.concat();
                if cut {
                    all.trim_end_matches('\n').to_owned()
                } else {
                    all
                }
            };
            let cut = dice.below(4) == 0;
            if dice.below(6) > 0 {
                old.push((name, 0o644, bare(&lines, cut)));
            }
            if dice.below(3) > 0 {
                change(&mut dice, &mut lines);
            }
            if dice.below(6) > 0 {
                let cut = if dice.below(5) == 0 { !cut } else { cut };
                let mode = if dice.below(5) == 0 { 0o755 } else { 0o644 };
                new.push((
                    if dice.below(6) == 0 {
                        "moved/away"
                    } else {
                        name
                    },
                    mode,
                    bare(&lines, cut),
                ));
            }
        }
        for (folder, files) in [("old", &old), ("new", &new)] {
            let files: Vec<super::Entry<'_>> = files
                .iter()
                .map(|(name, mode, text)| (*name, *mode, text.as_bytes()))
                .collect();
            place.fill(folder, &files);
        }
        if super::tree(&place.join("old")) == place.new_tree() {
            continue;
        }
        for options in [
            "",
            "-M -C --find-copies-harder",
            "-U1",
            "-M -B -U0 --inter-hunk-context=2",
        ] {
            let patch = place.git_diff(options);
            // Without context nothing shows where lines are added.
            if options.contains("-U0")
                && place
                    .apply(&patch, "")
                    .is_err_and(|error| error.contains("has no context"))
            {
                continue;
            }
            place.agree(
                &patch,
                &place.new_tree(),
                1,
                if options.contains("-U0") {
                    &[]
                } else {
                    &["git"]
                },
            );
        }
        // GNU diff has no modes, and shows a removed file as an empty one.
        place.shell("find old new -type f -exec chmod 644 {} + && find old new -type f -empty -delete && find old new -mindepth 1 -type d -empty -delete");
        let patch = place.shell("diff -ruaN old new || test $? = 1");
        if !patch.is_empty() {
            let want = place.new_tree();
            let result = place
                .apply(&patch, "")
                .unwrap_or_else(|error| panic!("{error}\n{}", String::from_utf8_lossy(&patch)));
            super::same(&super::tree(&place.join("result")), &want, &result);
        }
    }
}
