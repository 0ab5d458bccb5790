//! A cell of a table: its text, and whether it tells a gain or a loss. Colours and classes come from that, never from the text.

use crate::analysis::statistics::compare::Verdict;

/// One cell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    pub text: String,
    pub tone: Tone,
}

/// The meaning of a text for someone who looks for what is good and what is bad.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Plain,
    Good,
    Bad,
    /// Neither, but to be read before anything else.
    Warning,
}

impl Cell {
    /// The text of a comparison.
    pub fn judged(text: String, verdict: Verdict) -> Cell {
        let tone = match verdict {
            Verdict::Faster => Tone::Good,
            Verdict::Slower => Tone::Bad,
            Verdict::Same | Verdict::Inconclusive | Verdict::NoiseUnknown => Tone::Plain,
        };
        Cell { text, tone }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell { text, tone: Tone::Plain }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        text.to_owned().into()
    }
}

#[cfg(test)]
impl PartialEq<&str> for Cell {
    fn eq(&self, text: &&str) -> bool {
        self.text == *text
    }
}
