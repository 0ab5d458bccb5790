//! The command line of bench: help, arguments that do not belong to a subcommand, and the small subcommands.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn bench(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench")).current_dir(folder).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The long flags that the help of a subcommand lists.
fn flags(subcommand: &str) -> BTreeSet<String> {
    let help = bench(Path::new("."), &[subcommand, "--help"]);
    assert!(help.status.success(), "{subcommand}");
    let help = text(&help.stdout);
    let lines = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let long = lines.filter_map(|line| line.split_whitespace().find(|word| word.starts_with("--")));
    long.map(|word| word.trim_end_matches(',').to_owned()).collect()
}

/// Arguments without which a subcommand is not complete.
const SUBCOMMANDS: [(&str, &[&str]); 10] = [
    ("what-if", &[]),
    ("selftest", &[]),
    ("report", &["x"]),
    ("compare", &["x", "y"]),
    ("diff", &["x", "y"]),
    ("overhead", &[]),
    ("scaling", &[]),
    ("s3", &[]),
    ("completions", &["bash"]),
    ("man", &["x"]),
];

#[test]
fn a_flag_of_another_subcommand_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let own: Vec<BTreeSet<String>> = SUBCOMMANDS.iter().map(|(name, _)| flags(name)).collect();
    let all: BTreeSet<&String> = own.iter().flatten().collect();
    assert!(all.len() > 30, "{all:?}");
    for ((name, needed), own) in SUBCOMMANDS.iter().zip(&own) {
        for flag in all.iter().filter(|flag| !own.contains(**flag)) {
            let given = format!("{flag}=1");
            let refused = bench(folder.path(), &[&[*name], *needed, &[&given]].concat());
            let said = text(&refused.stderr);
            assert!(refused.status.code() == Some(2) && said.contains(flag.as_str()), "{name} {flag}: {said}");
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn an_argument_that_would_be_ignored_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.pprof");
    std::fs::write(&file, "").unwrap();
    for (args, words) in [
        (&["--rounds", "3", "report", "x"][..], "unexpected argument"),
        (&["what-if", "--only", "cold"], "give the state with --state"),
        (&["what-if", "--case", "x"], "give the change with --change"),
        (&["selftest", "--strategy", "pack"], "`--strategy` cannot"),
        (&["selftest", "--rtt", "3"], "`--rtt` cannot"),
        (&["selftest", "--scenario", "small"], "injects no bottleneck"),
        (&["--until-limit", "3"], "--until <PERCENT>"),
        (&["--scenario", "ci", "--rounds", "3"], "leave out --only, --rounds"),
        (&["--remote", "env", "--rtt", "3"], "--rtt"),
        (&["s3", "--fault-seed", "3"], "--fault <FAULT"),
        (&["overhead", "--state", "go-cold"], "has no backend"),
        (&["diff", "x.pprof", "x.pprof", "--profile", "fg.prof"], "--profile is for folders"),
    ] {
        let refused = bench(folder.path(), args);
        let said = text(&refused.stderr);
        assert!(!refused.status.success() && said.contains(words), "{args:?}: {said}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn help_that_cannot_be_printed_is_an_error_and_a_closed_pipe_is_none() {
    for args in [&["--help"][..], &["--version"], &["compare", "--help"], &["help", "s3"]] {
        let command = |stdout: Stdio| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
            command.args(args).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap()
        };
        if cfg!(target_os = "linux") {
            let full = command(File::options().write(true).open("/dev/full").unwrap().into());
            assert_eq!(full.status.code(), Some(1), "{args:?}");
            assert!(text(&full.stderr).contains("cannot write to stdout"), "{args:?}");
        }
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let closed = command(writer.into());
        assert!(closed.status.success() && closed.stderr.is_empty(), "{args:?}: {}", text(&closed.stderr));
    }
}

#[test]
fn the_help_has_each_scenario_and_no_letters_of_states() {
    let help = text(&bench(Path::new("."), &["--help"]).stdout);
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for folder in ["bench-scenarios", "bench-scenarios/backends"] {
        let entries = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
        let files = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        for path in files {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            assert!(words.split([' ', ',']).any(|word| word == name), "{name}: {words}");
        }
    }
    assert!(words.contains("Output: --out"), "{words}");
    for (name, _) in SUBCOMMANDS {
        let help = text(&bench(Path::new("."), &[name, "--help"]).stdout);
        assert!(!help.contains("b,a") && !help.contains(" for a,") && !help.contains("latest/c "), "{help}");
    }
}

/// Runs `bench s3`, sends it a request, and returns the last line that it says after the signal.
fn served(signal: Signal, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.args(["s3", "--port", "0", "--rtt-ms", "0"]).args(arguments);
    let mut server = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines().map(Result::unwrap);
    let endpoint = lines.find_map(|line| Some(line.strip_prefix("export S3_ENDPOINT='http://")?.to_owned())).unwrap();
    let mut stderr = BufReader::new(server.stderr.take().unwrap());
    // Signals are listened to before this line.
    stderr.read_line(&mut String::new()).unwrap();
    let mut stream = TcpStream::connect(endpoint.trim_end_matches('\'')).unwrap();
    stream.write_all(b"GET /cache/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
    kill(Pid::from_raw(server.id().cast_signed()), signal).unwrap();
    let mut said = String::new();
    stderr.read_to_string(&mut said).unwrap();
    assert!(server.wait().unwrap().success(), "{said}");
    said
}

#[test]
fn s3_says_what_it_served_when_it_ends() {
    let said = served(Signal::SIGINT, &["--fault", "slow-down"]);
    assert!(said.contains("Served requests: 1 get; 0 B in, ") && said.contains(" out; 1 injected faults."), "{said}");
    let said = served(Signal::SIGTERM, &[]);
    assert!(said.contains("Served requests: 1 get; ") && said.contains(" out; 0 injected faults."), "{said}");
}

#[test]
fn profiles_that_go_wrote_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("go.mod", "module x.example/burn\n\ngo 1.24\n");
    write(
        "burn_test.go",
        "package burn\n\nimport (\n\t\"testing\"\n\t\"time\"\n)\n\nvar sum int\n\n\
         func burnCPU(limit time.Duration) {\n\tfor start := time.Now(); time.Since(start) < limit; {\n\
         \t\tfor at := range 1000000 {\n\t\t\tsum += at\n\t\t}\n\t}\n}\n\n\
         func TestBurn(t *testing.T) { burnCPU(300 * time.Millisecond) }\n",
    );
    for name in ["one.pprof", "two.pprof"] {
        let mut go = Command::new("go");
        let output = go.current_dir(folder.path()).args(["test", "-count=1", "-cpuprofile", name]).output().unwrap();
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
        assert!(std::fs::read(folder.path().join(name)).unwrap().starts_with(&[0x1f, 0x8b]), "go compresses profiles");
    }
    let output = bench(folder.path(), &["diff", "one.pprof", "two.pprof", "--out", "diff"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    for name in ["grown.svg", "shrunk.svg"] {
        let picture = std::fs::read_to_string(folder.path().join("diff").join(name)).unwrap();
        assert!(picture.contains("burnCPU") && picture.contains("µs"), "{name}");
    }
}
