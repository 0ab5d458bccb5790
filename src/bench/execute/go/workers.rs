//! The number of workers that the go of a command has: that of `-p`, else its GOMAXPROCS.

use std::ffi::OsStr;
use std::process::Command;

use crate::plan::go_flags::value_of;
use gocacheprog::platform::Cpus;

/// Workers of the go that `command` starts, whose version is like `go1.26.8`.
pub fn of(command: &Command, version: &str) -> usize {
    count(command, version, Cpus::here())
}

fn count(command: &Command, version: &str, cpus: Cpus) -> usize {
    let flags = variable(command, "GOFLAGS").unwrap_or_default();
    let given: Vec<String> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    let flag = given.split_first().and_then(|(subcommand, words)| value_of("p", subcommand, words, &flags));
    let flag = flag.and_then(|value| value.parse().ok()).filter(|count| *count > 0);
    flag.unwrap_or_else(|| cpus.go_workers(version, |name| variable(command, name)))
}

/// The value of a variable for the command: what it sets, else what it inherits.
fn variable(command: &Command, name: &str) -> Option<String> {
    let set = command.get_envs().find(|(key, _)| *key == name);
    let value = set.map_or_else(|| std::env::var_os(name), |(_, value)| value.map(OsStr::to_owned));
    value.map(|value| value.to_string_lossy().into_owned())
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
        command.args(["-p=0"]);
        assert_eq!(count(&command), 7, "go itself refuses it");
    }
}
