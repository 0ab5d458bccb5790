//! Values that are neither sizes nor durations: switches, counts, folders.

use std::path::PathBuf;

/// Reads a switch: true if it is on.
///
/// # Errors
/// Why `text` is neither yes nor no, to follow the word "is".
pub fn switch(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" | "y" | "t" => Ok(true),
        "0" | "false" | "no" | "off" | "n" | "f" => Ok(false),
        _ => Err("neither yes nor no (write 1 or 0)".to_owned()),
    }
}

/// A whole number.
///
/// # Errors
/// Why `text` is none, to follow the word "is".
pub fn count(text: &str) -> Result<usize, String> {
    text.trim().parse().map_err(|_| "not a whole number".to_owned())
}

/// The path of a folder, without line breaks at its end. A leading `~` is the user's home folder: go and CI systems do
/// not expand it.
///
/// # Errors
/// When there is no home folder, to follow the word "is".
pub fn folder(path: PathBuf) -> Result<PathBuf, String> {
    folder_with_home(path, || etcetera::home_dir().ok())
}

fn folder_with_home(path: PathBuf, home: impl Fn() -> Option<PathBuf>) -> Result<PathBuf, String> {
    // Nothing is removed from a path that is not UTF-8.
    let path = path.to_str().map(|text| PathBuf::from(text.trim_end_matches(['\r', '\n']))).unwrap_or(path);
    let Ok(below) = path.strip_prefix("~") else { return Ok(path) };
    match home() {
        Some(home) if home.is_absolute() => Ok(home.join(below)),
        _ => Err("below a home folder, and there is none".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_are_read_in_all_usual_forms() {
        for text in ["1", "true", "TRUE", "yes", "On", " on\n"] {
            assert_eq!(switch(text), Ok(true), "{text}");
        }
        for text in ["0", "false", "No", "off"] {
            assert_eq!(switch(text), Ok(false), "{text}");
        }
        for text in ["", "2", "enabled", "ja"] {
            assert!(switch(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_are_whole_numbers() {
        assert_eq!(count(" 100\n"), Ok(100));
        for text in ["", "-1", "1.5", "many"] {
            assert!(count(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_tilde_is_the_home_folder_and_line_breaks_are_none_of_a_path() {
        let with = |text: &str| folder_with_home(PathBuf::from(text), || Some(PathBuf::from("/home/me")));
        assert_eq!(with("~/cache"), Ok(PathBuf::from("/home/me/cache")));
        assert_eq!(with("~"), Ok(PathBuf::from("/home/me")));
        assert_eq!(with("a/~/b"), Ok(PathBuf::from("a/~/b")));
        assert_eq!(with("~other"), Ok(PathBuf::from("~other")));
        assert_eq!(with("/a b\n"), Ok(PathBuf::from("/a b")));
        assert!(folder_with_home(PathBuf::from("~/x"), || None).is_err());
        assert!(folder_with_home(PathBuf::from("~/x"), || Some(PathBuf::new())).is_err());
    }
}
