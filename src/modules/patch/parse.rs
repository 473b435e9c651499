//! Parses the text of a patch into one section for each file.
//!
//! No crate does all that is needed. `diffy` comes closest. It reads unified and git format, but only one of them in a call,
//! and ignores sections in the other one. It reports no offsets, has no fuzz, and does not change a tree. `patch`, `patch-apply`
//! and `flickzeug` do not read binary hunks.

use super::binary;
use super::broken::Broken;
use super::hunk::{Lines, hunks, plain};
use super::quote::{git_names, is_epoch, name_and_rest, whole};
use super::section::{Action, Body, Section};

/// All sections, in their order.
pub(super) fn parse(text: &[u8]) -> Result<Vec<Section<'_>>, Broken> {
    let mut lines = Lines::new(text);
    let mut out = Vec::new();
    let mut starts_mail = false;
    while let Some(line) = lines.ahead(0) {
        let section = if line.starts_with(b"diff --git ") {
            git(&mut lines)?
        } else if is_plain(&lines) {
            unified(&mut lines)?
        } else {
            refuse(&lines)?;
            starts_mail |= is_mail(line);
            lines.next += 1;
            continue;
        };
        out.push(Section {
            starts_mail,
            ..section
        });
        starts_mail = false;
    }
    if out.is_empty() {
        return Err(Broken::new(1, "there is no unified or git patch in it"));
    }
    Ok(out)
}

/// `From HASH …`: the line with which `git format-patch` begins each mail.
fn is_mail(line: &[u8]) -> bool {
    line.strip_prefix(b"From ").is_some_and(|rest| {
        rest.len() > 40
            && rest[..40].iter().all(u8::is_ascii_hexdigit)
            && rest[40].is_ascii_whitespace()
    })
}

fn is_plain(lines: &Lines<'_>) -> bool {
    lines.after(0, b"--- ").is_some()
        && lines.after(1, b"+++ ").is_some()
        && lines.after(2, b"@@ -").is_some()
}

/// Lines about files in formats that are not supported.
fn refuse(lines: &Lines<'_>) -> Result<(), Broken> {
    let why = if lines.after(0, b"@@ -").is_some() {
        "a hunk without the names of its file"
    } else if lines.after(0, b"*** ").is_some()
        && lines.after(1, b"--- ").is_some()
        && lines.after(2, b"***************").is_some()
    {
        "a context diff; make it by `diff -u`"
    } else if lines
        .after(0, b"GIT binary patch")
        .is_some_and(<[u8]>::is_empty)
    {
        "a binary patch without the names of its file"
    } else if lines
        .after(0, b"Binary files ")
        .is_some_and(|rest| rest.ends_with(b" differ"))
    {
        "a binary file that differs, without its content; make it by `git diff --binary`"
    } else {
        return Ok(());
    };
    Err(Broken::new(lines.number(), why))
}

fn unified<'t>(lines: &mut Lines<'t>) -> Result<Section<'t>, Broken> {
    let at = lines.number();
    let (old, new) = names(lines)?;
    let hunks = hunks(lines)?;
    let all = |of: fn(&super::hunk::Hunk<'_>) -> usize| hunks.iter().all(|hunk| of(hunk) == 0);
    let (no_old, no_new) = (all(|hunk| hunk.old_count), all(|hunk| hunk.new_count));
    let action = if old.name.is_none() || (old.epoch && no_old) {
        Action::Create
    } else if new.name.is_none() || (new.epoch && no_new) {
        Action::Delete
    } else {
        Action::Modify
    };
    Ok(Section {
        at,
        action,
        git: false,
        old: old.name,
        new: new.name,
        bare: false,
        old_mode: None,
        new_mode: None,
        starts_mail: false,
        body: Body::Hunks(hunks),
    })
}

struct Name {
    name: Option<Vec<u8>>,
    epoch: bool,
}

/// Reads the names from the next two lines, `---` and `+++`.
fn names(lines: &mut Lines<'_>) -> Result<(Name, Name), Broken> {
    let mut next = |prefix: &[u8]| {
        let broken = Broken::new(lines.number(), "not the name of a file");
        let Some((name, rest)) = lines.after(0, prefix).and_then(name_and_rest) else {
            return Err(broken);
        };
        lines.next += 1;
        let name = (name != b"/dev/null").then_some(name);
        Ok(Name {
            name,
            epoch: is_epoch(rest),
        })
    };
    let (old, new) = (next(b"--- ")?, next(b"+++ ")?);
    if old.name.is_none() && new.name.is_none() {
        return Err(Broken::new(
            lines.number() - 2,
            "both names are `/dev/null`",
        ));
    }
    Ok((old, new))
}

/// The lines between `diff --git` and the content.
#[derive(Default)]
struct Header {
    from: Option<Vec<u8>>,
    to: Option<Vec<u8>>,
    action: Option<Action>,
    old_mode: Option<u32>,
    new_mode: Option<u32>,
    /// There is an `index` line, so the content changes.
    index: bool,
}

impl Header {
    /// Reads a header line. Returns false if it is not one.
    fn take(&mut self, line: &[u8], at: usize) -> Result<bool, Broken> {
        let name = |text| whole(text).ok_or_else(|| Broken::new(at, "not the name of a file"));
        if let Some(mode) = line.strip_prefix(b"old mode ") {
            self.old_mode = Some(octal(mode, at)?);
        } else if let Some(mode) = line.strip_prefix(b"new mode ") {
            self.new_mode = Some(octal(mode, at)?);
        } else if let Some(mode) = line.strip_prefix(b"new file mode ") {
            self.action = Some(Action::Create);
            self.new_mode = Some(octal(mode, at)?);
        } else if let Some(mode) = line.strip_prefix(b"deleted file mode ") {
            self.action = Some(Action::Delete);
            self.old_mode = Some(octal(mode, at)?);
        } else if let Some(from) = after(line, [b"rename from ", b"rename old "]) {
            self.from = Some(name(from)?);
        } else if let Some(to) = after(line, [b"rename to ", b"rename new "]) {
            self.action = Some(Action::Rename);
            self.to = Some(name(to)?);
        } else if let Some(from) = line.strip_prefix(b"copy from ") {
            self.from = Some(name(from)?);
        } else if let Some(to) = line.strip_prefix(b"copy to ") {
            self.action = Some(Action::Copy);
            self.to = Some(name(to)?);
        } else if let Some(index) = line.strip_prefix(b"index ") {
            self.index = true;
            if let Some(space) = index.iter().position(|&byte| byte == b' ') {
                let mode = octal(&index[space + 1..], at)?;
                self.old_mode.get_or_insert(mode);
                self.new_mode.get_or_insert(mode);
            }
        } else if !line.starts_with(b"similarity index ")
            && !line.starts_with(b"dissimilarity index ")
        {
            return Ok(false);
        }
        Ok(true)
    }
}

fn after<'l>(line: &'l [u8], prefixes: [&[u8]; 2]) -> Option<&'l [u8]> {
    prefixes
        .iter()
        .find_map(|prefix| line.strip_prefix(*prefix))
}

fn octal(text: &[u8], at: usize) -> Result<u32, Broken> {
    let text = std::str::from_utf8(text).unwrap_or_default();
    let mode =
        u32::from_str_radix(text, 8).map_err(|_| Broken::new(at, "not the mode of a file"))?;
    match mode & 0o170_000 {
        0o100_000 | 0o120_000 => Ok(mode),
        0o160_000 => Err(Broken::new(
            at,
            "a submodule, which cannot be applied to a tree",
        )),
        _ => Err(Broken::new(at, "the mode of neither a file nor a link")),
    }
}

fn git<'t>(lines: &mut Lines<'t>) -> Result<Section<'t>, Broken> {
    let at = lines.number();
    let line_names = git_names(lines.after(0, b"diff --git ").unwrap_or_default());
    lines.next += 1;
    let mut header = Header::default();
    while let Some(line) = lines.ahead(0) {
        if !header.take(plain(line), lines.number())? {
            break;
        }
        lines.next += 1;
    }
    let mut written = None;
    let body = if lines
        .after(0, b"GIT binary patch")
        .is_some_and(<[u8]>::is_empty)
    {
        lines.next += 1;
        Body::Binary(binary::parse(lines)?)
    } else if is_plain(lines) {
        written = Some(names(lines)?);
        Body::Hunks(hunks(lines)?)
    } else {
        // For example `Binary files differ`, without their content.
        refuse(lines)?;
        Body::Nothing
    };
    if header.from.is_some() != header.to.is_some() {
        return Err(Broken::new(at, "a rename or copy with one name only"));
    }
    let bare = header.to.is_some();
    let (mut old, mut new) = match (header.from, written, line_names) {
        (Some(from), _, _) => (Some(from), header.to),
        (None, Some((old, new)), _) => {
            let said = match header.action {
                Some(Action::Create) => old.name.is_none() && new.name.is_some(),
                Some(Action::Delete) => new.name.is_none() && old.name.is_some(),
                _ => true,
            };
            if !said {
                return Err(Broken::new(
                    at,
                    "the names and the other lines about the file disagree",
                ));
            }
            if header.action.is_none() {
                header.action = match (&old.name, &new.name) {
                    (None, _) => Some(Action::Create),
                    (_, None) => Some(Action::Delete),
                    _ => None,
                };
            }
            (old.name, new.name)
        }
        (None, None, Some((old, new))) => (Some(old), Some(new)),
        (None, None, None) => return Err(Broken::new(at, "the two names cannot be told apart")),
    };
    let action = header.action.unwrap_or(Action::Modify);
    match action {
        Action::Create => old = None,
        Action::Delete => new = None,
        _ => {}
    }
    if action == Action::Modify
        && matches!(body, Body::Nothing)
        && (header.index || header.new_mode.is_none())
    {
        return Err(Broken::new(
            at,
            "it says nothing about what becomes of the file",
        ));
    }
    if let (Some(old), Some(new)) = (header.old_mode, header.new_mode)
        && (old ^ new) & 0o170_000 != 0
    {
        return Err(Broken::new(
            at,
            "a file that becomes a link or the other way round, in one section",
        ));
    }
    Ok(Section {
        at,
        action,
        git: true,
        old,
        new,
        bare,
        old_mode: header.old_mode,
        new_mode: header.new_mode,
        starts_mail: false,
        body,
    })
}
