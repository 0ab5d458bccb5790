//! Text in lines of a given width.

/// Each paragraph broken at spaces into lines of at most `width` characters. What stands between backticks is a command, and
/// stays on one line so that it can be pasted.
pub fn wrapped(paragraphs: &[String], width: usize) -> String {
    let lines = paragraphs.iter().flat_map(|paragraph| joined(words(paragraph), " ", width));
    lines.collect::<Vec<String>>().join("\n")
}

fn words(paragraph: &str) -> impl Iterator<Item = &str> {
    let has_commands = paragraph.matches('`').count().is_multiple_of(2);
    let mut is_command = false;
    paragraph.split(move |char| {
        is_command ^= char == '`' && has_commands;
        char == ' ' && !is_command
    })
}

/// The parts with `separator` between them, in lines of at most `width` characters where the parts allow it.
pub fn joined<'a>(parts: impl IntoIterator<Item = &'a str>, separator: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let length = |text: &str| text.chars().count();
    for part in parts {
        match lines.last_mut() {
            Some(line) if length(line) + length(separator) + length(part) <= width => {
                line.push_str(separator);
                line.push_str(part);
            }
            _ => lines.push(part.to_owned()),
        }
    }
    lines
}

/// The text, cut to `width` characters with an ellipsis where it is longer.
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_broken_at_spaces() {
        let text = wrapped(&["one two three".to_owned(), "four".to_owned()], 8);
        assert_eq!(text, "one two\nthree\nfour");
        assert_eq!(wrapped(&["see `one two three` and `it`".to_owned()], 8), "see\n`one two three`\nand `it`");
        assert_eq!(wrapped(&["see ` one two".to_owned()], 8), "see `\none two");
    }

    #[test]
    fn parts_stay_whole_and_long_texts_are_cut() {
        assert_eq!(joined(["a b", "c d", "e"], " · ", 9), ["a b · c d", "e"]);
        assert_eq!((cut("remote hit", 7).as_str(), cut("cold", 4).as_str()), ("remote…", "cold"));
    }
}
