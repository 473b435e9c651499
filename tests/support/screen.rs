//! A terminal's screen, as much of it as bq needs.

/// The lines of a terminal after a text was sent to it.
pub(crate) fn screen(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<Vec<char>> = vec![Vec::new()];
    let (mut row, mut column) = (0, 0);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\r' => column = 0,
            '\n' => row += 1,
            '\x1b' => {
                assert_eq!(letters.next(), Some('['), "{text:?}");
                let mut number = String::new();
                let end = loop {
                    let next = letters.next().expect("a whole sequence");
                    if next.is_alphabetic() {
                        break next;
                    }
                    number.push(next);
                };
                match end {
                    'A' => row -= number.parse::<usize>().expect("not above the first line"),
                    'K' => lines[row].truncate(column),
                    'J' => {
                        lines.truncate(row + 1);
                        lines[row].truncate(column);
                    }
                    'm' => {}
                    other => panic!("unknown sequence {other}: {text:?}"),
                }
            }
            letter => {
                if column == columns {
                    (row, column) = (row + 1, 0);
                }
                lines.resize(lines.len().max(row + 1), Vec::new());
                let length = lines[row].len().max(column + 1);
                lines[row].resize(length, ' ');
                lines[row][column] = letter;
                column += 1;
            }
        }
        lines.resize(lines.len().max(row + 1), Vec::new());
    }
    lines.iter().map(|line| line.iter().collect()).collect()
}
