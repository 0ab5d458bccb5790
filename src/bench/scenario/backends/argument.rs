//! `--backend`: which program is measured, under which name.

use std::path::{Path, PathBuf};

use crate::scenario::backends::built_in;
use crate::scenario::backends::foreign::{BackendError, BackendFile, Foreign, name_of, program, split};
use crate::scenario::backends::placeholders;
use crate::scenario::case::{Backend, slug};

/// The word for the backend of bench itself.
pub const OURS: &str = "ours";
/// Where the files of backends are looked for by their name.
const FOLDER: &str = "bench-scenarios/backends";

/// The backends that the values of `--backend` name, in their order. A single one has ours beside it, to show what is possible.
///
/// # Errors
/// [`BackendError`].
pub fn resolve(given: &[String]) -> Result<Vec<Backend>, BackendError> {
    let mut backends = given.iter().map(|given| of(given)).collect::<Result<Vec<Backend>, BackendError>>()?;
    if let [only] = &backends[..]
        && only.foreign.is_some()
    {
        backends.push(ours(OURS));
    }
    for (at, backend) in backends.iter().enumerate() {
        let is_same = |other: &Backend| slug(&other.name) == slug(&backend.name);
        if slug(&backend.name).is_empty() || backends[..at].iter().any(is_same) {
            return Err(BackendError::SameName { name: backend.name.clone() });
        }
    }
    Ok(backends)
}

fn ours(name: &str) -> Backend {
    Backend { name: name.to_owned(), commit: None, executable: None, foreign: None }
}

/// The backend of `COMMAND`, `NAME=COMMAND`, `NAME` of a file, or `ours`.
fn of(given: &str) -> Result<Backend, BackendError> {
    let (name, command) = match given.split_once('=') {
        Some((name, command)) if is_name(name) => (Some(name), command),
        _ => (None, given),
    };
    if command == OURS {
        return Ok(ours(name.unwrap_or(OURS)));
    }
    let words = split(command).map_err(|why| BackendError::Command { given: given.to_owned(), why })?;
    let file = file(name.unwrap_or(command))?;
    // A file that is found by its name alone gives that name.
    let name = name.map(str::to_owned).or_else(|| file.as_ref().map(|_| command.to_owned()));
    let is_replaced = command != name.as_deref().unwrap_or_default();
    let mut foreign = match file {
        Some(file) => {
            let of_file =
                split(&file.command).map_err(|why| BackendError::Command { given: file.command.clone(), why })?;
            file.with_program(of_file, if is_replaced { Some(words) } else { None })
        }
        None => {
            let is_known = |word: &String| placeholders::check(word);
            words
                .iter()
                .try_for_each(is_known)
                .map_err(|what| BackendError::Placeholder { given: given.to_owned(), what })?;
            Foreign::plain(words)
        }
    };
    let path = program(given, &foreign.command[0])?;
    let name = name.unwrap_or_else(|| name_of(&path));
    foreign.command[0] = path.display().to_string();
    Ok(Backend { name, commit: None, executable: None, foreign: Some(foreign) })
}

/// True for what may stand before the `=`: a path or an assignment of the shell would not.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
}

/// The file of a backend: in the folder, or built in; None where there is neither.
fn file(name: &str) -> Result<Option<BackendFile>, BackendError> {
    if !is_name(name) {
        return Ok(None);
    }
    let path: PathBuf = Path::new(FOLDER).join(format!("{name}.toml"));
    let shown = path.display().to_string();
    if path.is_file() {
        let text = std::fs::read_to_string(&path)
            .map_err(|error| BackendError::Read { path: shown.clone(), why: error.to_string() })?;
        return BackendFile::parse(&shown, &text).map(Some);
    }
    built_in::text_of(name).map(|text| BackendFile::parse(&shown, text)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(given: &[&str]) -> Result<Vec<Backend>, String> {
        let given: Vec<String> = given.iter().map(|given| (*given).to_owned()).collect();
        resolve(&given).map_err(|error| error.to_string())
    }

    #[test]
    fn a_single_program_has_ours_beside_it() {
        let backends = resolved(&["sh -c true"]).unwrap();
        let names: Vec<&str> = backends.iter().map(|backend| backend.name.as_str()).collect();
        assert_eq!(names, ["sh", "ours"]);
        let foreign = backends[0].foreign.as_ref().unwrap();
        assert!(foreign.command[0].ends_with("/sh") && foreign.command[1..] == ["-c", "true"]);
        assert_eq!(resolved(&["ours"]).unwrap().len(), 1);
    }

    #[test]
    fn names_come_before_the_command_and_are_distinct() {
        let backends = resolved(&["old=sh", "new=sh -x", "ours"]).unwrap();
        let names: Vec<&str> = backends.iter().map(|backend| backend.name.as_str()).collect();
        assert_eq!(names, ["old", "new", "ours"]);
        assert!(resolved(&["sh", "sh -x"]).unwrap_err().contains("two backends would be called `sh`"));
        assert!(resolved(&["./a b=c"]).unwrap_err().contains("there is no program ./a"));
        assert!(resolved(&[""]).unwrap_err().contains("it is empty"));
    }

    #[test]
    fn a_file_is_found_by_its_name_with_another_program() {
        let backends = resolved(&["go-cacher=sh", "ours"]).unwrap();
        let foreign = backends[0].foreign.as_ref().unwrap();
        assert!(foreign.command[0].ends_with("/sh") && !foreign.s3, "{foreign:?}");
    }
}
