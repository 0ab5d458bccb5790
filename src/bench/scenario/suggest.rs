//! The known name that is nearest to a mistyped one.

/// What a word has to have before those that begin with it are near.
const ENOUGH: usize = 3;

/// The candidate with the smallest edit distance to `wrong`, unless even that one is far off; else one that it is the begin of.
pub fn nearest<'a>(wrong: &str, candidates: &[&'a str]) -> Option<&'a str> {
    // A third of the letters wrong is a typing error, more is another word.
    let letters = wrong.chars().count();
    let limit = (letters / 3).max(2).min(letters.saturating_sub(1));
    let by_distance = candidates
        .iter()
        .map(|candidate| (distance(wrong, candidate), *candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate);
    let longer = || candidates.iter().copied().find(|candidate| letters >= ENOUGH && candidate.starts_with(wrong));
    by_distance.or_else(longer)
}

/// Levenshtein's distance (Wagner and Fischer 1974), one row at a time.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_of_the_textbook() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }

    #[test]
    fn names_the_near_and_not_the_far() {
        assert_eq!(nearest("shrot", &["long", "short"]), Some("short"));
        assert_eq!(nearest("entirely", &["long", "short"]), None);
        assert_eq!(nearest("latency", &["jitter_ms", "latency_ms"]), Some("latency_ms"));
        assert_eq!(nearest("la", &["jitter_ms", "latency_ms"]), None);
    }
}
