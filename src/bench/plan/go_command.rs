//! The go command that is timed: `go build PACKAGES`, or the one that the user gave after `--`.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

use crate::plan::go_flags::{Item, ItemKind, Treatment, items, treatment};
use crate::plan::plan_error::PlanError;

/// A go command, ready to be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GoCommand {
    pub subcommand: Subcommand,
    /// Flags and packages.
    pub words: Vec<String>,
    /// Flags of the user that bench leaves out, or whose files it sends to `/dev/null`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

/// The subcommands of go that can be timed: they use the build cache, and leave the sources alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Subcommand {
    Build,
    Test,
    Vet,
    List,
}

impl Subcommand {
    const ALL: [Subcommand; 4] = [Subcommand::Build, Subcommand::Test, Subcommand::Vet, Subcommand::List];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Subcommand::Build => "build",
            Subcommand::Test => "test",
            Subcommand::Vet => "vet",
            Subcommand::List => "list",
        }
    }
}

impl GoCommand {
    /// `go build` of a package pattern.
    pub fn build(packages: &str) -> GoCommand {
        GoCommand { subcommand: Subcommand::Build, words: vec![packages.to_owned()], left_out: Vec::new() }
    }

    /// Reads the words after `--`, which begin with `go`.
    ///
    /// # Errors
    /// When they are no go command, or one that cannot be timed.
    pub fn parse(line: &[String]) -> Result<GoCommand, PlanError> {
        let refuse = |why: &str, next: &str| {
            Err(PlanError::Command { command: in_words(line), why: why.to_owned(), next: next.to_owned() })
        };
        let [program, rest @ ..] = line else { return refuse("it is empty", NEXT) };
        if program != "go" {
            return refuse(
                "it does not begin with `go`",
                "write `go`: the one in PATH, or the toolchain that go.mod names, is used",
            );
        }
        let Some((name, words)) = rest.split_first() else { return refuse("it has no subcommand", NEXT) };
        let Some(subcommand) = Subcommand::ALL.into_iter().find(|subcommand| subcommand.name() == name) else {
            return refuse(why_not(name), NEXT);
        };
        let mut command = GoCommand { subcommand, words: Vec::new(), left_out: Vec::new() };
        for item in items(name, words) {
            if let Err(why) = command.add(&item) {
                return refuse(&format!("`{}`: {why}", item.words.join(" ")), "leave it out");
            }
        }
        Ok(command)
    }

    /// Adds a part of the command line as it is run, or says why it cannot be.
    fn add(&mut self, item: &Item<'_>) -> Result<(), &'static str> {
        let ItemKind::Flag { name, value } = item.kind else {
            self.words.extend_from_slice(item.words);
            return Ok(());
        };
        match treatment(name, value) {
            Treatment::Refuse(why) => return Err(why),
            Treatment::Keep => self.words.extend_from_slice(item.words),
            Treatment::Drop => self.left_out.push(item.words.join(" ")),
            Treatment::Discard => {
                self.left_out.push(item.words.join(" "));
                self.words.push(format!("-{name}=/dev/null"));
            }
        }
        Ok(())
    }

    /// Its package patterns; none: the package in the folder.
    pub fn packages(&self) -> Vec<&str> {
        let mut packages = Vec::new();
        for item in items(self.subcommand.name(), &self.words) {
            if let ItemKind::Package(pattern) = item.kind {
                packages.push(pattern);
            }
        }
        packages
    }

    /// True if it would write programs into the folder in which it is run.
    pub fn writes_programs(&self) -> bool {
        let has = |wanted: &str| {
            items(self.subcommand.name(), &self.words)
                .iter()
                .any(|item| matches!(item.kind, ItemKind::Flag { name, .. } if name == wanted))
        };
        match self.subcommand {
            Subcommand::Build => !has("o"),
            Subcommand::Test => has("c") && !has("o"),
            Subcommand::Vet | Subcommand::List => false,
        }
    }

    /// Arguments of a `go list` that prints name and path of each package that it builds, tests with their programs too.
    pub fn listing(&self) -> Vec<&str> {
        let mut words = vec!["list", "-f", "{{.Name}} {{.ImportPath}}"];
        if self.subcommand == Subcommand::Test {
            words.push("-test");
        }
        for item in items(self.subcommand.name(), &self.words) {
            if item.selects_packages() {
                words.extend(item.words.iter().map(String::as_str));
            }
        }
        words.extend(self.packages());
        words
    }
}

/// The next step for a command that cannot be timed.
const NEXT: &str = "give go build, go test, go vet or go list, with any packages";

/// The reason why a subcommand cannot be timed.
fn why_not(name: &str) -> &'static str {
    match name {
        "run" => "how long go run takes is up to the program that it runs",
        "install" => "go install writes programs, and leaves out what is up to date; go build does the same work",
        "clean" => "go clean removes what is measured",
        _ => "it is none of the subcommands that fill and use the build cache",
    }
}

impl Display for GoCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "go {}", self.subcommand.name())?;
        match self.words.is_empty() {
            true => Ok(()),
            false => write!(f, " {}", in_words(&self.words)),
        }
    }
}

/// Words as a shell takes them.
fn in_words(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<String>>().join(" ")
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./=,:@+%^".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The command of these words after `--`.
    pub fn parse(line: &str) -> Result<GoCommand, PlanError> {
        let words: Vec<String> = line.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        GoCommand::parse(&words)
    }

    #[test]
    fn a_command_is_run_as_it_was_given() {
        let command = parse("go test -tags x -count 1 ./... -run TestA -args -o y").unwrap();
        assert_eq!(command.to_string(), "go test -tags x -count 1 ./... -run TestA -args -o y");
        assert_eq!((command.subcommand, command.packages()), (Subcommand::Test, vec!["./..."]));
        assert_eq!(command.left_out, Vec::<String>::new());
        assert_eq!(command.listing(), ["list", "-f", "{{.Name}} {{.ImportPath}}", "-test", "-tags", "x", "./..."]);
        let words = ["go", "build", "-ldflags", "-s -w", "it's"].map(str::to_owned);
        assert_eq!(GoCommand::parse(&words).unwrap().to_string(), r"go build -ldflags '-s -w' 'it'\''s'");
        assert_eq!(parse("go vet").unwrap().to_string(), "go vet");
        assert_eq!(parse("go vet -c 2 .").unwrap().packages(), ["."]);
    }

    #[test]
    fn nothing_is_written_beside_the_sources() {
        let command = parse("go build -o bin/app -mod=mod -buildvcs=true ./cmd/app").unwrap();
        assert_eq!(command.to_string(), "go build -o=/dev/null ./cmd/app");
        assert_eq!(command.left_out, ["-o bin/app", "-mod=mod", "-buildvcs=true"]);
        assert!(!command.writes_programs(), "it has a place for them");
        let command = parse("go test -coverprofile c.out ./...").unwrap();
        assert_eq!(command.to_string(), "go test -coverprofile=/dev/null ./...");
        for (line, writes) in
            [("go build ./...", true), ("go test ./...", false), ("go test -c ./a", true), ("go vet ./...", false)]
        {
            assert_eq!(parse(line).unwrap().writes_programs(), writes, "{line}");
        }
    }

    #[test]
    fn what_cannot_be_timed_is_refused_with_the_reason() {
        for (line, words) in [
            ("", "it is empty"),
            ("make", "it does not begin with `go`"),
            ("/usr/local/go/bin/go build", "it does not begin with `go`"),
            ("go", "it has no subcommand"),
            ("go run .", "up to the program that it runs"),
            ("go install ./...", "go build does the same work"),
            ("go generate", "it is none of the subcommands"),
            ("go build -a ./...", "`-a`: it compiles everything again"),
            ("go test -cpuprofile cpu.out .", "`-cpuprofile cpu.out`: it writes files"),
            ("go build -C ../x", "`-C ../x`: --workload says"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("\n  next:  "), "{line}: {error}");
        }
    }
}
