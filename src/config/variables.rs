//! Variables as CI writes them: an empty one is an unset one, and one that cannot be read gives way to the default.

use std::ffi::OsStr;
use std::fmt;
use std::io::Write;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, Error, Id, Parser};

/// Longer values are cut in messages, in characters.
const MOST_SHOWN: usize = 60;

/// The arguments and variables of this process.
pub struct Parsed<C> {
    /// Flags over variables over defaults.
    pub cli: C,
    /// The parsed arguments, with the source of each value.
    pub matches: ArgMatches,
    /// Variables of the command that was named whose values could not be read, and which no flag overrides. Their defaults
    /// are used.
    pub unreadable: Vec<Unreadable>,
}

/// A variable whose value cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    argument: Id,
    variable: String,
    value: String,
    /// To follow the word "is".
    why: String,
    /// Empty where there is none.
    default: String,
}

impl Unreadable {
    /// The variable, its value, and why that cannot be read.
    pub fn reason(&self) -> String {
        format!("{}={:?} is {}", self.variable, self.value, self.why)
    }

    /// True if a flag gives the value, so that the variable does not count. `matches`: of the command of its argument.
    fn is_overridden(&self, matches: &ArgMatches) -> bool {
        matches.value_source(self.argument.as_str()) == Some(ValueSource::CommandLine)
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.default.as_str() {
            "" => write!(f, "{}; the default is used", self.reason()),
            default => write!(f, "{}; the default {default} is used", self.reason()),
        }
    }
}

/// Parses the arguments and variables of this process. Ends it where a flag is wrong, or help was asked for.
pub fn parse<C: Parser>() -> Parsed<C> {
    let (mut command, mut unreadable) = without_unreadable(C::command());
    let first = std::env::args_os().nth(1);
    if let Some(name) = first.as_deref().and_then(OsStr::to_str).filter(|name| command.find_subcommand(name).is_some())
    {
        command = command.mut_subcommand(name, |subcommand| {
            let (subcommand, of_subcommand) = without_unreadable(subcommand);
            unreadable = of_subcommand;
            subcommand
        });
    }
    let matches = command.try_get_matches().unwrap_or_else(|error| give_up::<C>(&error));
    let of_command = matches.subcommand().map_or(&matches, |(_, matches)| matches);
    unreadable.retain(|variable| !variable.is_overridden(of_command));
    let cli = C::from_arg_matches(&matches).unwrap_or_else(|error| exit(&error));
    Parsed { cli, matches, unreadable }
}

/// Where the value of the argument `id` is from, by its usual names: its flag, its variable, or `None` for the default.
pub fn source(matches: &ArgMatches, id: &str) -> Option<String> {
    match matches.value_source(id)? {
        ValueSource::CommandLine => Some(format!("--{}", id.replace('_', "-"))),
        ValueSource::EnvVariable => Some(format!("CACHEPROG_{}", id.to_ascii_uppercase())),
        _ => None,
    }
}

fn give_up<C: Parser>(error: &Error) -> ! {
    if error.kind() == ErrorKind::DisplayHelp
        && let Err(help) = C::command().try_get_matches()
    {
        // This one names all variables.
        exit(&help);
    }
    if matches!(error.kind(), ErrorKind::InvalidSubcommand | ErrorKind::ArgumentConflict) {
        let _ = error.print();
        print_hint(&C::command());
        std::process::exit(error.exit_code());
    }
    exit(error)
}

fn print_hint(command: &Command) {
    let names_command = std::env::args_os().skip(1).any(|word| command.find_subcommand(word).is_some());
    crate::note::line(if names_command {
        "\nFlags go behind the command: cacheprog path --here"
    } else {
        "\ngo splits GOCACHEPROG at spaces: put quotes around an argument that has some"
    });
}

/// Prints help, version or a usage error of clap, and ends the process: with a failure where stdout does not take it.
pub fn exit(error: &Error) -> ! {
    let printed = error.print().and_then(|()| std::io::stdout().flush());
    match printed {
        Err(failed) if !error.use_stderr() && failed.kind() != std::io::ErrorKind::BrokenPipe => {
            crate::note::line(format_args!("error: cannot write to stdout: {failed}"));
            std::process::exit(1)
        }
        _ => std::process::exit(error.exit_code()),
    }
}

/// Lets `command` ignore the variables that are empty, and those that it cannot read. Gives the latter.
fn without_unreadable(command: Command) -> (Command, Vec<Unreadable>) {
    let (mut ignored, mut unreadable) = (Vec::new(), Vec::new());
    for arg in command.get_arguments() {
        let Some((variable, value)) = arg.get_env().and_then(|name| Some((name, std::env::var_os(name)?))) else {
            continue;
        };
        if is_blank(&value) {
            ignored.push(arg.get_id().clone());
        } else if let Err(error) = read(arg) {
            ignored.push(arg.get_id().clone());
            unreadable.push(Unreadable {
                argument: arg.get_id().clone(),
                variable: variable.to_string_lossy().into_owned(),
                value: value.to_string_lossy().chars().take(MOST_SHOWN).collect(),
                why: why(&error),
                default: default(arg),
            });
        }
    }
    let ignore = |arg: Arg| arg.env(Resettable::Reset);
    (ignored.into_iter().fold(command, |command, id| command.mut_arg(id, ignore)), unreadable)
}

fn is_blank(value: &OsStr) -> bool {
    value.to_str().is_some_and(|text| text.trim().is_empty())
}

/// Lets clap read the variable of `arg`.
fn read(arg: &Arg) -> Result<(), Error> {
    let command = Command::new("").no_binary_name(true).disable_help_flag(true).arg(arg.clone());
    command.try_get_matches_from([""; 0]).map(|_| ())
}

/// The reason in `error`, to follow the word "is".
fn why(error: &Error) -> String {
    use std::error::Error as _;
    if error.kind() == ErrorKind::InvalidUtf8 {
        return "not UTF-8".to_owned();
    }
    if let Some(source) = error.source() {
        return source.to_string();
    }
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(names)) => format!("none of {}", names.join(", ")),
        _ => "not valid".to_owned(),
    }
}

fn default(arg: &Arg) -> String {
    if !arg.get_action().takes_values() {
        return "0".to_owned();
    }
    arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{choice, size, switch};

    #[derive(Clone, Debug, clap::ValueEnum)]
    enum Name {
        One,
        Two,
    }

    /// Why a variable with this value is not read by `arg`: variables of the process would be seen by other tests.
    fn refused(arg: Arg, value: &str) -> Option<String> {
        let value = value.to_owned();
        let arg = arg.num_args(1).required(true);
        let command = Command::new("").no_binary_name(true).arg(arg.long("x"));
        command.try_get_matches_from(["--x".to_owned(), value]).err().map(|error| why(&error))
    }

    #[test]
    fn the_reason_is_that_of_the_values_own_parser() {
        let why = refused(Arg::new("x").value_parser(size), "10 bananas").unwrap();
        assert!(why.starts_with("not a size (write"), "{why}");
        let why = refused(Arg::new("x").value_parser(switch), "enabled").unwrap();
        assert_eq!(why, "neither yes nor no (write 1 or 0)");
        let named = || Arg::new("x").ignore_case(true).value_parser(choice::<Name>());
        assert_eq!(refused(named(), "three").unwrap(), "none of one, two");
        assert_eq!(refused(named(), "Two\n"), None);
    }

    #[test]
    fn a_line_names_the_variable_its_value_the_reason_and_what_is_used() {
        let unreadable = Unreadable {
            argument: Id::from("max_size"),
            variable: "CACHEPROG_MAX_SIZE".to_owned(),
            value: "10 \n".to_owned(),
            why: "not a size".to_owned(),
            default: "10G".to_owned(),
        };
        assert_eq!(unreadable.to_string(), "CACHEPROG_MAX_SIZE=\"10 \\n\" is not a size; the default 10G is used");
        let unreadable = Unreadable { default: String::new(), ..unreadable };
        assert!(unreadable.to_string().ends_with("; the default is used"), "{unreadable}");
    }
}
