//! A GOCACHEPROG program that bench starts and looks at from outside.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::scenario::backends::placeholders;
use crate::scenario::cache_state::CacheState;
use crate::scenario::quoted_words;
use crate::scenario::quoted_words::without_quotes;
use crate::scenario::toml_reader;

/// The most characters of a program's name in tables.
const MOST_LETTERS: usize = 40;

/// A program with the settings that it is started with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Foreign {
    /// The program and its arguments, with placeholders. The program is an absolute path.
    pub command: Vec<String>,
    /// Variables that it gets, with placeholders; None: the `S3_*` and `AWS_*` variables of the S3 server. Not among the
    /// results, because a value may be secret.
    #[serde(skip)]
    pub env: Option<BTreeMap<String, String>>,
    /// False for a backend over local disk only.
    pub s3: bool,
}

/// A file of `bench-scenarios/backends`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackendFile {
    /// One sentence: what it is, and where it is from.
    pub description: String,
    /// The program, on PATH or as a path, and its arguments, quoted as go quotes GOCACHEPROG.
    pub command: String,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The folder of its local store: `{local}`, which is what `cold` and `remote-hit` empty.
    pub local: Option<String>,
    #[serde(default = "yes")]
    pub s3: bool,
}

fn yes() -> bool {
    true
}

/// Reasons why a program cannot be measured.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BackendError {
    #[error("--backend {given}: {why}\n  next:  give a command, such as --backend './cacheprog --fast', or ours")]
    Command { given: String, why: &'static str },
    #[error("--backend {given}: there is no program {program}\n  tried: {tried}\n  next:  {next}")]
    NoProgram { given: String, program: String, tried: &'static str, next: String },
    #[error("--backend {given}: {program} is not a program that can be run\n  next:  build it, or chmod +x it")]
    NotExecutable { given: String, program: String },
    #[error(
        "two backends would be called `{name}`\n  next:  name them, as in --backend old=./cacheprog --backend new=../other/cacheprog"
    )]
    SameName { name: String },
    #[error("--backend {given}: {what}\n  next:  docs/backends.md has all placeholders")]
    Placeholder { given: String, what: String },
    #[error("{path}:{line}: {what}")]
    File { path: String, line: usize, what: String },
    #[error("cannot read {path}: {why}")]
    Read { path: String, why: String },
}

impl Foreign {
    /// The states that it can be in.
    pub fn has(&self, state: CacheState) -> bool {
        self.s3 || state != CacheState::RemoteHit
    }

    /// A program that is given on the command line, without a file.
    pub fn plain(command: Vec<String>) -> Foreign {
        Foreign { command, env: None, s3: true }
    }
}

impl BackendFile {
    /// Reads the text of a file; `path` is named in errors.
    ///
    /// # Errors
    /// An unknown key, a command that cannot be split, or an unknown placeholder.
    pub fn parse(path: &str, text: &str) -> Result<BackendFile, BackendError> {
        let file: BackendFile =
            toml_reader::read(text).map_err(|(line, what)| BackendError::File { path: path.to_owned(), line, what })?;
        if let Some(local) = file.local.as_ref().filter(|local| *local != "{local}") {
            let what = format!(
                "`local` is `{local}`, and must be `{{local}}`\n  next:  tell the program to store there, by [env] or its arguments"
            );
            return Err(BackendError::File { path: path.to_owned(), line: 1, what });
        }
        let texts = file.env.values().chain([&file.command]).chain(&file.local);
        for text in texts {
            placeholders::check(text).map_err(|what| BackendError::File { path: path.to_owned(), line: 1, what })?;
        }
        Ok(file)
    }

    /// The program as the file starts it, or `program` in the place of the first word of its command.
    pub fn with_program(self, mut words: Vec<String>, program: Option<Vec<String>>) -> Foreign {
        if let Some(program) = program {
            words.splice(0..1, program);
        }
        Foreign { command: words, env: Some(self.env), s3: self.s3 }
    }
}

/// The words of a command, as go splits GOCACHEPROG.
///
/// # Errors
/// The reason why it is no command.
pub fn split(command: &str) -> Result<Vec<String>, &'static str> {
    let words = quoted_words::split(command).into_iter().map(|word| without_quotes(word).map(str::to_owned));
    let words = words.collect::<Option<Vec<String>>>().ok_or("a quote is not closed")?;
    if words.first().is_none_or(String::is_empty) { Err("it is empty") } else { Ok(words) }
}

/// The absolute path of a program: as go finds it, but independent of the folder in which it is started.
///
/// # Errors
/// There is none, or it cannot be run.
pub fn program(given: &str, word: &str) -> Result<PathBuf, BackendError> {
    let none = |tried, next: String| BackendError::NoProgram {
        given: given.to_owned(),
        program: word.to_owned(),
        tried,
        next,
    };
    if word.contains('/') {
        let path = std::path::absolute(word).unwrap_or_else(|_| PathBuf::from(word));
        return match path.is_file() {
            true if is_executable(&path) => Ok(path),
            true => Err(BackendError::NotExecutable { given: given.to_owned(), program: word.to_owned() }),
            false => Err(none("that path", "build it first, such as with go build -o cacheprog .".to_owned())),
        };
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(word)).find(|path| is_executable(path));
    let next = if Path::new(word).is_file() {
        format!("give its path: ./{word}")
    } else {
        "install it, or give its path".to_owned()
    };
    found.map(|path| std::path::absolute(&path).unwrap_or(path)).ok_or_else(|| none("the folders of PATH", next))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// The name of a program in tables: that of its file.
pub fn name_of(program: &Path) -> String {
    let name = program.file_stem().unwrap_or_default().to_string_lossy();
    name.chars().take(MOST_LETTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_as_go_splits_it() {
        assert_eq!(split("./a  -x 'b c' \"d'e\"").unwrap(), ["./a", "-x", "b c", "d'e"]);
        assert_eq!(split("a\\ b").unwrap(), ["a\\", "b"]);
        assert_eq!(
            (split(" "), split("'a"), split("''")),
            (Err("it is empty"), Err("a quote is not closed"), Err("it is empty"))
        );
    }

    #[test]
    fn a_program_is_found_and_made_absolute() {
        assert!(program("sh", "sh").unwrap().is_absolute());
        let error = program("./none", "./none").unwrap_err().to_string();
        assert!(error.contains("there is no program ./none") && error.contains("build it first"), "{error}");
        let error = program("Cargo.toml", "Cargo.toml").unwrap_err().to_string();
        assert!(error.contains("the folders of PATH") && error.contains("give its path: ./Cargo.toml"), "{error}");
        let error = program("./Cargo.toml", "./Cargo.toml").unwrap_err().to_string();
        assert!(error.contains("chmod +x"), "{error}");
    }

    #[test]
    fn a_file_has_known_keys_and_placeholders() {
        let text = "description = \"x\"\ncommand = \"mine --dir {local}\"\nenv = { URL = \"{s3.url}\" }\nlocal = \"{local}\"\n";
        let file = BackendFile::parse("mine.toml", text).unwrap();
        let words = split(&file.command).unwrap();
        let found = file.with_program(words, Some(vec!["/bin/mine".to_owned(), "-v".to_owned()]));
        assert_eq!(found.command, ["/bin/mine", "-v", "--dir", "{local}"]);
        assert!(found.s3 && found.has(CacheState::RemoteHit));
        for (text, words) in [
            ("description = \"x\"\ncomand = \"y\"", "mine.toml:2: unknown key `comand`; did you mean `command`?"),
            ("description = \"x\"\ncommand = \"y {lokal}\"", "`{lokal}`; did you mean `{local}`?"),
            ("description = \"x\"\ncommand = \"y\"\nlocal = \"/var/x\"", "must be `{local}`"),
        ] {
            let error = BackendFile::parse("mine.toml", text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
