//! The files of known backends inside the binary, so that it works in any folder.

const FILES: [(&str, &str); 4] = [
    ("workshop", include_str!("../../../../bench-scenarios/backends/workshop.toml")),
    ("gobuildcache", include_str!("../../../../bench-scenarios/backends/gobuildcache.toml")),
    ("platacard", include_str!("../../../../bench-scenarios/backends/platacard.toml")),
    ("go-cacher", include_str!("../../../../bench-scenarios/backends/go-cacher.toml")),
];

/// The text of the file of this name.
pub fn text_of(name: &str) -> Option<&'static str> {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The names of all files.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::backends::foreign::{BackendFile, split};

    #[test]
    fn all_files_can_be_used() {
        for name in names() {
            let file = BackendFile::parse(name, text_of(name).unwrap()).unwrap();
            assert!(split(&file.command).is_ok() && !file.description.is_empty(), "{name}");
        }
    }
}
