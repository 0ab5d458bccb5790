//! Sentences of the terminal as HTML.

use maud::{Markup, html};

/// Text between backticks becomes code.
pub fn inline(sentence: &str) -> Markup {
    let parts = sentence.split('`').zip([false, true].into_iter().cycle());
    html! { @for (part, is_code) in parts { @if is_code { code { (part) } } @else { (part) } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_are_code_and_the_rest_is_text() {
        assert_eq!(inline("run `bench <x>` & see").into_string(), "run <code>bench &lt;x&gt;</code> &amp; see");
        assert_eq!(inline("plain").into_string(), "plain");
    }
}
