//! The known name that is nearest to a mistyped one.

/// Letters that a word needs before names that begin with it are near.
const ENOUGH: usize = 3;

/// The candidate with the smallest edit distance to `wrong`, unless even that one is far off; else one that begins with it.
pub fn nearest<'a>(wrong: &str, candidates: &[&'a str]) -> Option<&'a str> {
    // A third of the letters wrong is a typing error, more is another word.
    let letters = wrong.chars().count();
    let limit = (letters / 3).max(2).min(letters.saturating_sub(1));
    let distance = |candidate: &&str| strsim::levenshtein(wrong, candidate);
    let nearest = candidates.iter().copied().min_by_key(distance).filter(|near| distance(near) <= limit);
    let longer = || candidates.iter().copied().find(|candidate| letters >= ENOUGH && candidate.starts_with(wrong));
    nearest.or_else(longer)
}

/// `did you mean …?`, or all known names where none is near.
pub fn suggestion(wrong: &str, known: &[&str]) -> String {
    match nearest(wrong, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_near_and_not_the_far() {
        assert_eq!(nearest("shrot", &["long", "short"]), Some("short"));
        assert_eq!(nearest("entirely", &["long", "short"]), None);
        assert_eq!(nearest("latency", &["jitter_ms", "latency_ms"]), Some("latency_ms"));
        assert_eq!(nearest("la", &["jitter_ms", "latency_ms"]), None);
        assert_eq!(suggestion("shrot", &["long", "short"]), "did you mean `short`?");
        assert_eq!(suggestion("entirely", &["long", "short"]), "known here: long, short");
    }
}
