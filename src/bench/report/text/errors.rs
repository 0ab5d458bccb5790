//! An error for a person: what failed and why in the first line, then what was tried and the next step.

/// The messages of an error and its causes. The causes follow the first line of each message, not its `next:`.
pub fn in_words(error: &anyhow::Error) -> String {
    let messages: Vec<String> = error.chain().map(ToString::to_string).collect();
    let parts = messages.iter().map(|message| message.split_once('\n').unwrap_or((message, "")));
    let (first, rest): (Vec<&str>, Vec<&str>) = parts.unzip();
    let mut text = first.join(": ");
    for lines in rest.into_iter().filter(|lines| !lines.is_empty()) {
        text += "\n";
        text += lines;
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn the_cause_is_in_the_first_line() {
        let error = anyhow!("no space").context("cannot write x\n  tried: a\n  next:  b").context("bench ended");
        assert_eq!(in_words(&error), "bench ended: cannot write x: no space\n  tried: a\n  next:  b");
        assert_eq!(in_words(&anyhow!("plain")), "plain");
    }
}
