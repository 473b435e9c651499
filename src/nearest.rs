//! Suggestions for a mistyped name.

/// The known name that is most similar to a word, if one is similar enough.
pub(crate) fn nearest<'n>(word: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let (distance, name) = known
        .into_iter()
        .map(|name| (distance(word, name), name))
        .min()?;
    (distance <= 1 + word.len() / 4).then_some(name)
}

/// The number of single-character edits between two words (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let cost = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn edits_are_counted() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn far_names_have_no_nearest() {
        let known = ["pretty", "compact"];
        assert_eq!(nearest("prety", known), Some("pretty"));
        assert_eq!(nearest("zzzzzzzzzzzz", known), None);
        assert_eq!(nearest("x", []), None);
    }
}
