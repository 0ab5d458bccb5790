//! Tests of what bench knows of the flags of go.

use super::*;

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

#[test]
fn a_value_is_no_package() {
    let words = words("-tags x -race --run=A -test.count 2 -ldflags -o ./... net/http -args -a b");
    let items = items("test", &words);
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
fn the_last_value_counts_and_the_command_line_more_than_goflags() {
    let value = |line: &str, goflags| value_of("p", "test", &words(line), goflags);
    assert_eq!(value("-p 4 ./...", "-p=3").as_deref(), Some("4"));
    assert_eq!(value("-p=4 --p=6 . -args -p 9", "").as_deref(), Some("6"));
    assert_eq!(value("./...", "-race '-p=3' \"-ldflags=-p 7\"").as_deref(), Some("3"));
    assert_eq!(value("p=4 -pgo=off", "-x"), None);
}

#[test]
fn only_vet_has_a_number_after_c() {
    let words = words("-c 2 .");
    let packages = |subcommand| {
        let items = items(subcommand, &words);
        items.iter().filter(|item| matches!(item.kind, ItemKind::Package(_))).count()
    };
    assert_eq!((packages("vet"), packages("test")), (1, 2));
}

/// Flags of `go help build` and `go help testflag` with which a command is run as it is.
const KEPT: [&str; 48] = [
    "asan",
    "asmflags",
    "bench",
    "benchmem",
    "benchtime",
    "blockprofilerate",
    "buildmode",
    "compiler",
    "count",
    "cover",
    "covermode",
    "coverpkg",
    "cpu",
    "failfast",
    "fullpath",
    "fuzzminimizetime",
    "fuzztime",
    "gccgoflags",
    "gcflags",
    "installsuffix",
    "json",
    "ldflags",
    "linkshared",
    "list",
    "memprofilerate",
    "mod",
    "modcacherw",
    "modfile",
    "msan",
    "mutexprofilefraction",
    "outputdir",
    "overlay",
    "p",
    "parallel",
    "pgo",
    "pkgdir",
    "race",
    "run",
    "short",
    "shuffle",
    "skip",
    "tags",
    "timeout",
    "toolexec",
    "trimpath",
    "v",
    "vet",
    "work",
];
const KEPT_TOO: [&str; 1] = ["x"];

#[test]
fn each_flag_of_this_go_has_a_treatment_and_its_value_is_known() {
    let mut seen = 0;
    for topic in ["build", "testflag"] {
        let help = std::process::Command::new("go").args(["help", topic]).output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        for line in help.lines().filter_map(|line| line.strip_prefix("\t-")) {
            let (name, value) = line.split_once(' ').unwrap_or((line, ""));
            let is_kept = treatment(name, None) == Treatment::Keep;
            let is_known = KEPT.contains(&name) || KEPT_TOO.contains(&name);
            assert_eq!(is_kept, is_known, "does -{name} spoil a measurement, or write beside the sources?");
            assert_eq!(!value.is_empty(), takes_value(name), "-{name} {value}");
            seen += 1;
        }
    }
    assert!(seen >= 50, "{seen}");
}

#[test]
fn each_flag_that_spoils_a_measurement_or_writes_has_its_treatment() {
    for (name, value) in
        [("a", None), ("n", None), ("C", Some("x")), ("cpuprofile", Some("x")), ("fix", None), ("artifacts", None)]
    {
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
