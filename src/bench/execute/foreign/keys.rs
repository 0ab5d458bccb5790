//! Finds the requests of go that the key of an object names: backends store actions and outputs under their hexadecimal or base64
//! names, with or without what URLs and paths cannot hold.

use std::collections::HashMap;

use base64_simd::{STANDARD, URL_SAFE};

use gocacheprog::telemetry::Answer;

/// Letters of a name that are enough: fewer could be in any key.
const LETTERS: usize = 20;

/// The requests by the beginnings of the names of their action and output.
#[derive(Debug, Default)]
pub struct Names {
    requests: HashMap<String, Vec<usize>>,
}

impl Names {
    /// The names of all requests, each known by its position.
    pub fn of(answers: &[&mut Answer]) -> Names {
        let mut names = Names::default();
        for (at, answer) in answers.iter().enumerate() {
            let action = answer.action.as_ref().map(|id| *id.as_bytes());
            let output = answer.output.as_ref().map(|id| *id.as_bytes());
            for bytes in [action, output].into_iter().flatten() {
                names.add(&bytes, at);
            }
        }
        names
    }

    fn add(&mut self, bytes: &[u8], at: usize) {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let (standard, url) = (STANDARD.encode_to_string(bytes), URL_SAFE.encode_to_string(bytes));
        let escaped = standard.replace('/', "%2F").replace('+', "%2B");
        let without_slashes = ["_", "-", ""].map(|other| standard.replace('/', other));
        for name in [hex, standard, url, escaped].into_iter().chain(without_slashes) {
            let beginning: String = name.chars().take(LETTERS).collect();
            let requests = self.requests.entry(beginning).or_default();
            if requests.last() != Some(&at) {
                requests.push(at);
            }
        }
    }

    /// The requests that a key names. Some backends spread objects over folders by the first letters of their names.
    pub fn named_by(&self, key: &str) -> Vec<usize> {
        let flat = key.replace('/', "");
        let mut named: Vec<usize> = [key, flat.as_str()].into_iter().flat_map(|text| self.in_text(text)).collect();
        named.sort_unstable();
        named.dedup();
        named
    }

    fn in_text(&self, text: &str) -> Vec<usize> {
        let windows = (0..text.len()).filter_map(|at| text.get(at..at + LETTERS));
        windows.filter_map(|window| self.requests.get(window)).flatten().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::time_breakdown::tests::answer;
    use gocacheprog::protocol::{ActionId, OutputId};
    use gocacheprog::telemetry::Line;

    #[test]
    fn keys_of_all_known_forms_name_their_request() {
        let action = ActionId::from_wire("++//AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxw=").unwrap();
        let output = OutputId::from_wire("MDEyMzQ1Njc4OUFCQ0RFRkdISUpLTE1OT1BRUlNUVVY=").unwrap();
        let (_, Line::Answer(mut one)) = answer("get", 0, [1, 1, 1, 1, 1]) else { panic!() };
        let mut other = one.clone();
        (one.action, one.output) = (Some(action), Some(output));
        other.output = Some(output);
        let names = Names::of(&[&mut one, &mut other]);
        for key in [
            "++__AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxw=-a.json",
            "%2B%2B%2F%2FAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxw=",
            "cache/fb/efff000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c",
            "v1/--__AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxw",
        ] {
            assert_eq!(names.named_by(key), [0], "{key}");
        }
        assert_eq!(names.named_by("3031323334353637383941424344454647484950-d"), [0, 1]);
        assert!(names.named_by("manifests/2026.json").is_empty());
    }
}
