//! Each command that `bench` prints runs when it is pasted into the shell in which bench was called, and does what it says.

#[path = "common/mod.rs"]
mod common;
#[path = "bench_printed_commands/errors.rs"]
mod errors;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A folder to stand in, with a program, a scenario and folders whose names have to be quoted.
struct Shell {
    folder: tempfile::TempDir,
    /// Exported in it.
    variables: Vec<(&'static str, String)>,
}

/// The latency and the small module make the cost of S3 the largest, on any machine.
const SCENARIO: &str = "description = \"x\"\nstates = [\"cold\", \"remote-hit\"]\nstrategy = \"workshop\"\n[workload]\n\
                        packages = \"./...\"\ngenerated_packages = 4\n[link]\nlatency_ms = 15\n[rounds]\nlong = 1\nshort = 1\n\
                        profile = false\n";
/// The program as it is called below.
const PROGRAM: &str = "'my tools/bench'";

impl Shell {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tools = folder.path().join("my tools");
        std::fs::create_dir(&tools).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_bench"), tools.join("bench")).unwrap();
        std::fs::write(folder.path().join("my scenario.toml"), SCENARIO).unwrap();
        Self { folder, variables: Vec::new() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command line as a user would paste it.
    fn paste(&self, line: &str) -> Output {
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(self.path()).env("GOPROXY", "off").env("GOTOOLCHAIN", "local");
        for of_the_user in ["GOCACHEPROG", "GOFLAGS", "GOWORK", "XDG_STATE_HOME"] {
            shell.env_remove(of_the_user);
        }
        shell.envs(self.variables.iter().map(|(name, value)| (name, value)));
        shell.output().unwrap()
    }

    /// As [`Shell::paste`]; the command has to succeed. Returns its stdout.
    fn run(&self, line: &str) -> String {
        let output = self.paste(line);
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{line}\n{stdout}\n{stderr}");
        stdout
    }

    /// The stderr of a command that fails with this code.
    fn fail(&self, line: &str, code: i32) -> String {
        let output = self.paste(line);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{line}\n{}\n{stderr}", text(&output.stdout));
        stderr
    }

    /// The results of the newest run below `out`.
    fn results(&self, out: &str) -> Value {
        let path = self.path().join(out).join("latest/results.json");
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    /// The folders of runs below `out`.
    fn runs(&self, out: &str) -> BTreeSet<PathBuf> {
        let entries = std::fs::read_dir(self.path().join(out)).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_dir() && !path.is_symlink()).collect()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The commands of a text for terminals: behind a label at the end of a line, or between backticks.
fn commands_of(text: &str) -> BTreeSet<String> {
    let labelled = text.lines().filter_map(|line| {
        let line = line.trim_start();
        let label = ["confirm: ", "all tables: ", "run       "].into_iter().find(|label| line.starts_with(label))?;
        Some(line[label.len()..].to_owned())
    });
    let quoted = text.split('`').skip(1).step_by(2).filter(|quoted| quoted.starts_with(PROGRAM)).map(str::to_owned);
    labelled.chain(quoted).collect()
}

/// The commands of a page.
fn commands_of_page(page: &str) -> BTreeSet<String> {
    let blocks = page.split("<pre><code>").skip(1).filter_map(|rest| rest.split_once("</code></pre>"));
    let text =
        |html: &str| html.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    blocks.map(|(command, _)| text(command)).collect()
}

/// Checks each command. Those that only show the run come first, because `latest` is another run after the others.
fn check_all(shell: &Shell, commands: &BTreeSet<String>, out: &str, given: &Value) {
    let (shown, run): (Vec<&String>, Vec<&String>) = commands.iter().partition(|command| command.contains(" report "));
    shown.into_iter().chain(run).for_each(|command| check(shell, command, out, given));
}

/// Runs a printed command, and checks that it did what it says. `given` are the results of the run that printed it.
fn check(shell: &Shell, command: &str, out: &str, given: &Value) {
    let (before, plan) = (shell.runs(out), &given["plan"]);
    let arguments = command.strip_prefix(&format!("{PROGRAM} ")).unwrap_or_else(|| panic!("{command}"));
    let words: Vec<&str> = arguments.split(' ').collect();
    let value = |flag: &str| words.iter().position(|word| *word == flag).map(|at| words[at + 1]);
    match words[0] {
        "report" => {
            let printed = shell.run(command);
            assert!(printed.contains("wall-time breakdown") && printed.contains("The records agree: "), "{printed}");
            assert_eq!(shell.runs(out), before, "{command} ran something");
        }
        // Its hundred rounds of a large build would take minutes.
        "overhead" => {
            let printed = shell.run(&format!("{command} --scenario small --rounds 2"));
            assert!(printed.contains("all five") && shell.runs(out).len() == before.len() + 1, "{printed}");
        }
        "what-if" => {
            let printed = shell.run(command);
            let results = shell.results(out);
            assert_eq!(results["plan"]["study"]["kind"], "what-if", "{command}");
            assert_eq!(results["plan"]["cases"][1]["name"].as_str(), value("--change"), "{command}");
            assert_eq!(results["rounds"][0]["state_ok"], true);
            same_build(&results["plan"], plan, command);
            assert_eq!(results["plan"]["strategy"], plan["strategy"], "{command}");
            assert!(printed.contains(" estimate  measured"), "{printed}");
            not_blamed_again(&results, value("--change").unwrap());
            // Its own screen, again.
            let details = commands_of(&printed).into_iter().find(|command| command.contains(" report ")).unwrap();
            let details = shell.run(&details);
            assert!(details.contains(" estimate  measured"), "{details}");
        }
        "--only" => {
            shell.run(command);
            let results = shell.results(out);
            same_build(&results["plan"], plan, command);
            assert_eq!(results["plan"]["strategy"].as_str(), value("--strategy"), "{command}");
            let rounds = results["rounds"].as_array().unwrap();
            let mut measured = rounds.iter().filter(|round| round["kind"] == "measured");
            assert!(measured.all(|round| round["state"].as_str() == value("--only") && round["state_ok"] == true));
        }
        _ => panic!("a new kind of command: {command}"),
    }
}

/// The rule whose change was tried is not among the findings of the case with that change.
fn not_blamed_again(results: &Value, change: &str) {
    let rule = match change {
        "latency-0" => "latency",
        "bandwidth-unlimited" => "bandwidth",
        "connections-double" => "connections",
        "no-upload" => "close",
        _ => panic!("a new change: {change}"),
    };
    let verdict = results["verdicts"].as_array().unwrap().iter().find(|verdict| verdict["name"] == change).unwrap();
    let ranked = verdict["ranked"].as_array().unwrap();
    assert!(ranked.iter().all(|finding| finding["rule"] != rule), "{verdict:#}");
}

fn same_build(plan: &Value, given: &Value, command: &str) {
    for what in ["packages", "command", "module", "generated_packages", "link", "remote"] {
        assert_eq!(plan[what], given[what], "{what}: {command}");
    }
}

/// All commands of the newest run below `out`, of its screens and of its files.
fn commands_of_run(shell: &Shell, out: &str, screen: &str) -> BTreeSet<String> {
    let latest = shell.path().join(out).join("latest");
    let read = |name: &str| std::fs::read_to_string(latest.join(name)).unwrap();
    let screen = commands_of(screen);
    assert!(screen.len() >= 2, "{screen:?}");
    let report = screen.iter().find(|command| command.contains(" report ")).unwrap();
    let (details, page) = (commands_of(&shell.run(report)), commands_of_page(&read("report.html")));
    let markdown = commands_of(&read("results.md").replace("\\`", "`"));
    assert_eq!(details, markdown, "--details and results.md show the same");
    [screen, details, page].into_iter().flatten().collect()
}

#[test]
fn commands_of_a_run_do_what_they_say() {
    let shell = Shell::new();
    let line = format!("{PROGRAM} --scenario 'my scenario.toml' --out 'my runs' --rtt 20");
    let screen = shell.run(&line);
    let (given, commands) = (shell.results("my runs"), commands_of_run(&shell, "my runs", &screen));
    for kind in [" report --details ", " what-if --state remote-hit ", " --only cold --strategy ", " overhead "] {
        assert!(commands.iter().any(|command| command.contains(kind)), "{kind}: {commands:#?}");
    }
    check_all(&shell, &commands, "my runs", &given);
}

#[test]
fn commands_of_a_module_of_the_users_time_the_same_go_command() {
    let shell = Shell::new();
    common::write(&shell.path().join("my module/go.mod"), "module mine.example\n\ngo 1.24\n");
    for name in ["a", "b", "c", "d", "e"] {
        common::write(&shell.path().join(format!("my module/{name}/x.go")), &format!("package {name}\n"));
    }
    let go = "go build -gcflags '-N -l' ./...";
    let line = format!("{PROGRAM} --scenario 'my scenario.toml' --workload 'my module' --only remote-hit -- {go}");
    let screen = shell.run(&line);
    let (given, mut commands) = (shell.results("metrics"), commands_of_run(&shell, "metrics", &screen));
    assert!(commands.iter().any(|command| command.ends_with(go) && command.contains(" what-if ")), "{commands:#?}");
    // It is the same for all runs.
    commands.retain(|command| !command.contains(" overhead"));
    std::fs::copy(shell.path().join("metrics/latest/results.json"), shell.path().join("my run.json")).unwrap();
    check_all(&shell, &commands, "metrics", &given);

    // A saved run is named as it is given, from any folder, and its commands still find their files.
    std::fs::create_dir(shell.path().join("elsewhere")).unwrap();
    let printed = shell.run("cd elsewhere && '../my tools/bench' report '../my run.json'");
    let commands = commands_of(&printed);
    assert!(commands.iter().any(|command| command.contains(" --only ") || command.contains(" what-if ")), "{printed}");
    for command in commands {
        let printed = shell.run(&format!("cd elsewhere && {command}"));
        assert!(printed.contains("remote-hit"), "{printed}");
    }
}

#[test]
fn the_examples_of_the_help_are_commands() {
    let shell = Shell::new();
    let with_path = |line: &str| {
        let tools = shell.path().join("my tools").display().to_string();
        shell.paste(&format!("PATH='{tools}':\"$PATH\" && {line}"))
    };
    let help = text(&with_path("bench --help && bench compare --help").stdout);
    let examples: Vec<&str> = help.lines().filter_map(|line| line.strip_prefix("  bench")).collect();
    assert!(examples.len() >= 10, "{help}");
    for example in examples {
        // Words that explain it follow after two spaces or more.
        let arguments = example.split("  ").next().unwrap();
        // Only the plan, as builds of std take minutes. Those of saved runs and commits have nothing to read here.
        let is_plan = ![" report", " compare"].iter().any(|name| arguments.starts_with(name));
        let (before, after) = arguments.split_once("-- ").unwrap_or((arguments, ""));
        let separator = if after.is_empty() { "" } else { "--" };
        let dry_run = if is_plan { "--dry-run" } else { "" };
        let output = with_path(&format!("bench {before} {dry_run} {separator} {after}"));
        let said = text(&output.stderr);
        assert!(!said.contains("Usage: ") && (output.status.success() || !is_plan), "{example}: {said}");
    }
}
