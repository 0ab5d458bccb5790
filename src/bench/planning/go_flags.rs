//! The flags of `go build`, `test`, `vet` and `list` that bench has to know: those that take a value, and those that would
//! spoil a measurement or write into the user's files.

/// Flags that take the next word as their value where they have no `=`, without the leading `-`.
const WITH_VALUE: [&str; 55] = [
    "asmflags",
    "bench",
    "benchtime",
    "blockprofile",
    "blockprofilerate",
    "buildmode",
    "C",
    "compiler",
    "count",
    "covermode",
    "coverpkg",
    "coverprofile",
    "cpu",
    "cpuprofile",
    "debug-actiongraph",
    "debug-runtime-trace",
    "debug-trace",
    "exec",
    "f",
    "fuzz",
    "fuzzcachedir",
    "fuzzminimizetime",
    "fuzztime",
    "gccgoflags",
    "gcflags",
    "installsuffix",
    "ldflags",
    "list",
    "memprofile",
    "memprofilerate",
    "mod",
    "modfile",
    "mutexprofile",
    "mutexprofilefraction",
    "o",
    "outputdir",
    "overlay",
    "p",
    "parallel",
    "pgo",
    "pkgdir",
    "printf.funcs",
    "reuse",
    "run",
    "shuffle",
    "skip",
    "tags",
    "testlogfile",
    "timeout",
    "toolexec",
    "trace",
    "unusedresult.funcs",
    "unusedresult.stringmethods",
    "vet",
    "vettool",
];

/// Flags that decide which packages there are, so that `go list` has to get them too.
const SELECTING: [&str; 12] =
    ["asan", "buildmode", "compiler", "e", "installsuffix", "mod", "modfile", "msan", "overlay", "pgo", "race", "tags"];

/// What bench does with a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    Keep,
    /// The command is run without it.
    Drop,
    /// What it would write goes to `/dev/null`.
    Discard,
    /// The command cannot be timed, for this reason.
    Refuse(&'static str),
}

/// What bench does with the flag `name` that has this value.
pub fn treatment(name: &str, value: Option<&str>) -> Treatment {
    match name {
        "a" => Treatment::Refuse("it compiles everything again, whatever is cached"),
        "n" => Treatment::Refuse("it only prints what would be run"),
        "m" => Treatment::Refuse("it lists modules, for which nothing is cached"),
        "C" => Treatment::Refuse("--workload says in which folder go runs"),
        "fix" => Treatment::Refuse("it changes the sources"),
        "blockprofile" | "cpuprofile" | "fuzz" | "memprofile" | "mutexprofile" | "testlogfile" | "trace" => {
            Treatment::Refuse("it writes files beside the sources")
        }
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
    /// As they were given: one, or two where the value is a word of its own.
    pub words: &'a [String],
    pub kind: ItemKind<'a>,
}

/// What a part of a go command line is.
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
    /// Whether `go list` has to get it too, to find the same packages.
    pub fn selects_packages(&self) -> bool {
        matches!(self.kind, ItemKind::Flag { name, .. } if SELECTING.contains(&name))
    }
}

/// Takes a command line apart.
pub fn items(words: &[String]) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let (kind, length) = item(&words[at..]);
        items.push(Item { words: &words[at..at + length], kind });
        at += length;
    }
    items
}

/// The first part of the words, and how many of them it takes.
fn item(words: &[String]) -> (ItemKind<'_>, usize) {
    let word = words[0].as_str();
    let Some((name, inline)) = flag(word) else { return (ItemKind::Package(word), 1) };
    if name == "args" {
        return (ItemKind::ForTests, words.len());
    }
    match (inline, words.get(1)) {
        (None, Some(next)) if WITH_VALUE.contains(&name) => (ItemKind::Flag { name, value: Some(next) }, 2),
        (value, _) => (ItemKind::Flag { name, value }, 1),
    }
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
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn values_are_told_from_packages() {
        let words = words("-tags x -race --run=A -test.count 2 -ldflags -o ./... net/http -args -a b");
        let items = items(&words);
        let flag = |name, value| ItemKind::Flag { name, value };
        let kinds: Vec<ItemKind<'_>> = items.iter().map(|item| item.kind).collect();
        let expected = [
            flag("tags", Some("x")),
            flag("race", None),
            flag("run", Some("A")),
            flag("count", Some("2")),
            flag("ldflags", Some("-o")),
            ItemKind::Package("./..."),
            ItemKind::Package("net/http"),
            ItemKind::ForTests,
        ];
        assert_eq!(kinds, expected);
        let all: Vec<String> = items.iter().flat_map(|item| item.words.to_vec()).collect();
        assert_eq!(all, words, "no word is lost");
        let selecting: Vec<&str> =
            items.iter().filter(|item| item.selects_packages()).map(|item| item.words[0].as_str()).collect();
        assert_eq!(selecting, ["-tags", "-race"]);
    }

    #[test]
    fn each_flag_that_spoils_a_measurement_or_writes_has_its_treatment() {
        for (name, value) in [("a", None), ("n", None), ("C", Some("x")), ("cpuprofile", Some("x")), ("fix", None)] {
            assert!(matches!(treatment(name, value), Treatment::Refuse(_)), "{name}");
        }
        for (name, value) in [("buildvcs", None), ("buildvcs", Some("auto")), ("mod", Some("mod"))] {
            assert_eq!(treatment(name, value), Treatment::Drop, "{name}");
        }
        for name in ["o", "coverprofile"] {
            assert_eq!(treatment(name, Some("bin/app")), Treatment::Discard);
            assert_eq!(treatment(name, Some("/dev/null")), Treatment::Keep);
        }
        for (name, value) in [("mod", Some("vendor")), ("tags", Some("a")), ("toolexec", Some("x")), ("x", None)] {
            assert_eq!(treatment(name, value), Treatment::Keep, "{name}");
        }
    }
}
