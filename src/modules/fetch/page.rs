//! Finds HTML pages that a server sends in place of a file, with status 200: portals, log-in pages, error pages.

use crate::tree::names::shown;

/// The number of bytes at the start of a file that are checked.
pub(super) const START: usize = 4096;
/// The most characters of a title that are shown.
const TITLE_MAX: usize = 80;
/// The tags with which a page may begin.
const BEGINNINGS: [&str; 7] = [
    "!doctype html",
    "html",
    "head",
    "body",
    "title",
    "meta",
    "script",
];

/// If a file starts like an HTML page, returns a message with the page's title.
pub(super) fn describe(start: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(start).to_ascii_lowercase();
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    for (open, close) in [("<?xml", "?>"), ("<!--", "-->"), ("<!--", "-->")] {
        if rest.starts_with(open) {
            rest = rest
                .split_once(close)
                .map_or("", |(_, after)| after)
                .trim_start();
        }
    }
    let tag = rest.strip_prefix('<')?;
    let begins = |word: &&&str| {
        tag.strip_prefix(**word).is_some_and(|after| {
            after.starts_with(['>', '/']) || after.starts_with(char::is_whitespace)
        })
    };
    BEGINNINGS.iter().find(begins)?;
    let title = title(&String::from_utf8_lossy(start));
    Some(match title {
        Some(title) => format!("it is an HTML page, `{title}`, and not the file"),
        None => "it is an HTML page, and not the file".to_owned(),
    })
}

fn title(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let open = lower.find("<title")?;
    let from = open + lower[open..].find('>')? + 1;
    let to = from + lower[from..].find('<')?;
    let words: Vec<&str> = text[from..to].split_whitespace().collect();
    let title: String = words.join(" ").chars().take(TITLE_MAX).collect();
    (!title.is_empty()).then(|| shown(title.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::describe;

    #[test]
    fn pages() {
        for page in [
            "<!DOCTYPE html>\n<html>",
            "\u{feff}\r\n  <HTML lang='en'>",
            "<?xml version='1.0'?><!-- a --><!-- b -->\n<html xmlns='x'>",
            "<head><script>",
        ] {
            let text = describe(page.as_bytes()).expect(page);
            assert_eq!(text, "it is an HTML page, and not the file");
        }
        let page = "<!doctype html><head><Title>\n Log in\n to \x1b[31m it</TITLE>";
        assert_eq!(
            describe(page.as_bytes()).as_deref(),
            Some("it is an HTML page, `Log in to \\u{1b}[31m it`, and not the file")
        );
        for other in [
            "",
            "<",
            "<header>",
            "<!doctype svg>",
            "\x1f\u{8b}",
            "text <html>",
            "<?xml version='1.0'?><svg>",
        ] {
            assert_eq!(describe(other.as_bytes()), None, "{other}");
        }
    }
}
