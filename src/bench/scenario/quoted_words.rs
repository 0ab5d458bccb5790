//! Splits GOFLAGS and GOCACHEPROG as go does: at white space; quotes stand around a whole word only, and there are no escapes.
//! (`internal/quoted` in go's sources.)

/// The words with their quotes. One whose quote is not closed goes to the end.
pub fn split(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '\'' | '"' => rest[1..].find(first).map(|at| at + 2),
            _ => rest.find(char::is_whitespace),
        };
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        words.push(word);
        rest = after.trim_start();
    }
    words
}

/// A word without its quotes; None where one is not closed.
pub fn without_quotes(word: &str) -> Option<&str> {
    match word.chars().next() {
        Some(quote @ ('\'' | '"')) => word[1..].strip_suffix(quote),
        _ => Some(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_a_word_together_and_come_off() {
        assert_eq!(split(" a  'b c' \"d'e\"x \"f g"), ["a", "'b c'", "\"d'e\"", "x", "\"f g"]);
        assert_eq!((without_quotes("\"d'e'\""), without_quotes("it's")), (Some("d'e'"), Some("it's")));
        assert_eq!((without_quotes("'"), without_quotes("\"f g"), without_quotes("''")), (None, None, Some("")));
    }
}
