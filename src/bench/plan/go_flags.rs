//! The flags of `go build`, `test`, `vet` and `list` that bench has to know: those that take a value, and those that would
//! spoil a measurement or write into the user's files.

use crate::scenario::quoted_words::split;

/// Flags that take the next word as their value where they have no `=`, without the leading `-`.
const WITH_VALUE: &str = "\
    asmflags bench benchtime blockprofile blockprofilerate buildmode C compiler count covermode coverpkg \
    coverprofile cpu cpuprofile debug-actiongraph debug-runtime-trace debug-trace exec f fuzz fuzzcachedir \
    fuzzminimizetime fuzztime gccgoflags gcflags installsuffix ldflags list memprofile memprofilerate mod modfile \
    mutexprofile mutexprofilefraction o outputdir overlay p parallel pgo pkgdir printf.funcs printfuncs reuse run \
    shuffle skip tags testlogfile timeout toolexec trace unusedfuncs unusedresult.funcs unusedresult.stringmethods \
    unusedstringmethods vet vettool";

/// A flag that takes the next word for `go vet` alone: the number of lines that it shows around a fault. `go test -c` takes no value.
const CONTEXT_OF_VET: &str = "c";

/// Flags that decide which packages there are, so that `go list` has to get them too.
const SELECTING: [&str; 12] =
    ["asan", "buildmode", "compiler", "e", "installsuffix", "mod", "modfile", "msan", "overlay", "pgo", "race", "tags"];

/// True if a flag takes the next word as its value.
fn takes_value(name: &str) -> bool {
    WITH_VALUE.split(' ').any(|known| known == name)
}

/// The treatment that bench gives a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    Keep,
    /// The command is run without it.
    Drop,
    /// The file that it would write goes to `/dev/null`.
    Discard,
    /// The command cannot be timed, for this reason.
    Refuse(&'static str),
}

/// The treatment of the flag `name` that has this value.
pub fn treatment(name: &str, value: Option<&str>) -> Treatment {
    match name {
        "a" => Treatment::Refuse("it compiles everything again, whatever is cached"),
        "n" => Treatment::Refuse("it only prints what would be run"),
        "m" => Treatment::Refuse("it lists modules, for which nothing is cached"),
        "C" => Treatment::Refuse("--workload says in which folder go runs"),
        "fix" => Treatment::Refuse("it changes the sources"),
        "artifacts" | "blockprofile" | "cpuprofile" | "fuzz" | "memprofile" | "mutexprofile" | "testlogfile"
        | "trace" => Treatment::Refuse("it writes files beside the sources"),
        "debug-actiongraph" | "debug-runtime-trace" | "debug-trace" => {
            Treatment::Refuse("bench itself asks go for this where it needs it")
        }
        // git refreshes its index when go asks it for the commit.
        "buildvcs" if value != Some("false") => Treatment::Drop,
        "mod" if value == Some("mod") => Treatment::Drop,
        "o" | "coverprofile" if value != Some("/dev/null") => Treatment::Discard,
        _ => Treatment::Keep,
    }
}

/// One part of a go command line after its subcommand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    /// Words as they were given: one, or two where the value is a word of its own.
    pub words: &'a [String],
    pub kind: ItemKind<'a>,
}

/// The kind of a part of a go command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemKind<'a> {
    Flag {
        name: &'a str,
        value: Option<&'a str>,
    },
    Package(&'a str),
    /// `-args` and all that follows it, which the test programs get.
    ForTests,
}

impl Item<'_> {
    /// True if `go list` has to get it too, to find the same packages.
    pub fn selects_packages(&self) -> bool {
        matches!(self.kind, ItemKind::Flag { name, .. } if selects_packages(name))
    }
}

/// True if `go list` has to get the flag too, to find the same packages.
pub fn selects_packages(name: &str) -> bool {
    SELECTING.contains(&name)
}

/// Takes the command line after a subcommand apart.
pub fn items<'a>(subcommand: &str, words: &'a [String]) -> Vec<Item<'a>> {
    let mut items = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let (kind, length) = item(subcommand, &words[at..]);
        items.push(Item { words: &words[at..at + length], kind });
        at += length;
    }
    items
}

/// The first part of the words, and how many of them it takes.
fn item<'a>(subcommand: &str, words: &'a [String]) -> (ItemKind<'a>, usize) {
    let word = words[0].as_str();
    let Some((name, inline)) = flag(word) else { return (ItemKind::Package(word), 1) };
    if name == "args" {
        return (ItemKind::ForTests, words.len());
    }
    let has_value = takes_value(name) || (subcommand == "vet" && name == CONTEXT_OF_VET);
    match (inline, words.get(1)) {
        (None, Some(next)) if has_value => (ItemKind::Flag { name, value: Some(next) }, 2),
        (value, _) => (ItemKind::Flag { name, value }, 1),
    }
}

/// The value of the last flag of this name on the command line after a subcommand, else in GOFLAGS.
pub fn value_of(wanted: &str, subcommand: &str, words: &[String], goflags: &str) -> Option<String> {
    let flags = split(goflags).into_iter().filter_map(|word| flag(unquoted(word)));
    let of_flags = flags.filter(|(name, _)| *name == wanted).filter_map(|(_, value)| value);
    let of_words = items(subcommand, words).into_iter().filter_map(|item| match item.kind {
        ItemKind::Flag { name, value } if name == wanted => value,
        _ => None,
    });
    of_flags.chain(of_words).last().map(str::to_owned)
}

/// A word of GOFLAGS without its quotes.
pub fn unquoted(word: &str) -> &str {
    word.trim_matches(['\'', '"'])
}

/// Name and value of a flag; None where the word is none. `-test.run` is `-run`.
pub fn flag(word: &str) -> Option<(&str, Option<&str>)> {
    let text = word.strip_prefix('-')?;
    let text = text.strip_prefix('-').unwrap_or(text);
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    Some((name.strip_prefix("test.").unwrap_or(name), value))
}

#[cfg(test)]
#[path = "go_flags_tests.rs"]
mod tests;
