//! How many workers the go of a command has: what it takes for GOMAXPROCS, or what `-p` says.

use std::ffi::OsStr;
use std::process::Command;

use crate::platform::Cpus;

/// Workers of the go that `command` starts, whose version is like `go1.26.8`.
pub fn of(command: &Command, version: &str) -> usize {
    count(command, version, Cpus::here())
}

fn count(command: &Command, version: &str, cpus: Cpus) -> usize {
    let flags = variable(command, "GOFLAGS").unwrap_or_default();
    let given: Vec<String> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    // The command line wins over GOFLAGS.
    let flag = parallel(given.iter().map(String::as_str)).or_else(|| parallel(flags.split_whitespace()));
    flag.unwrap_or_else(|| cpus.go_workers(version, |name| variable(command, name)))
}

/// The value of a variable for the command: what it sets, else what it inherits.
fn variable(command: &Command, name: &str) -> Option<String> {
    let set = command.get_envs().find(|(key, _)| *key == name);
    let value = set.map_or_else(|| std::env::var_os(name), |(_, value)| value.map(OsStr::to_owned));
    value.map(|value| value.to_string_lossy().into_owned())
}

/// The last `-p N`, `-p=N` or `--p=N` among the words before the arguments of a program.
fn parallel<'a>(words: impl Iterator<Item = &'a str>) -> Option<usize> {
    let mut found = None;
    let mut is_next = false;
    for word in words.take_while(|word| *word != "-args" && *word != "--args") {
        let value = if is_next { Some(word) } else { word.strip_prefix("-p=").or_else(|| word.strip_prefix("--p=")) };
        is_next = word == "-p" || word == "--p";
        found = value.and_then(|value| value.parse().ok()).filter(|count| *count > 0).or(found);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_command_count() {
        let mut command = Command::new("go");
        command.args(["build", "std"]).env_remove("GOFLAGS").env_remove("GODEBUG").env("GOMAXPROCS", "7");
        let count = |command: &Command| count(command, "go1.26.8", Cpus::here());
        assert_eq!(count(&command), 7);
        command.env("GOFLAGS", "-race -p=3");
        assert_eq!(count(&command), 3);
        command.args(["-p", "5"]);
        assert_eq!(count(&command), 5);
    }

    #[test]
    fn the_flag_is_read_as_go_reads_it() {
        let read = |line: &str| parallel(line.split(' '));
        assert_eq!(
            (read("build -p 4 ./..."), read("build -p=4 -p=6"), read("build --p=2")),
            (Some(4), Some(6), Some(2))
        );
        assert_eq!(
            (read("build p=4"), read("build -pgo=off"), read("build -p 0"), read("build -p")),
            (None, None, None, None)
        );
        assert_eq!(read("test -p 2 . -args -p 9"), Some(2));
    }
}
