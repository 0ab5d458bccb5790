//! The bench with the real go, over the small scenario.

#[cfg(target_os = "linux")]
#[path = "bench_small/leftovers.rs"]
mod leftovers;
#[path = "common/schema.rs"]
mod schema;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

fn bench(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.current_dir(folder).args(args);
    command
}

fn results(folder: &Path) -> Value {
    let text = std::fs::read(folder.join("metrics/latest/results.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn of_state<'a>(results: &'a Value, state: &str) -> &'a Value {
    let rounds = results["rounds"].as_array().unwrap();
    rounds.iter().find(|round| round["state"] == state && round["kind"] == "measured").unwrap()
}

fn assert_no_work_left(folder: &Path) {
    let run = folder.join("metrics/latest").canonicalize().unwrap();
    assert!(!run.join("work").exists(), "the caches of the run are still there");
}

/// go's own events lie on the axis of the backend's, and its actions lead to the requests that ask for them.
fn assert_go_view(path: &Path) {
    let trace: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let of = |ph: &str| trace.iter().filter(move |event| event["ph"] == ph).collect::<Vec<_>>();
    assert!(of("B").is_empty() && of("E").is_empty(), "all spans are slices");
    let timed = trace.iter().filter_map(|event| event["ts"].as_f64());
    assert_eq!(timed.fold(f64::MAX, f64::min), 0.0, "the axis begins with the first event");
    let slices = of("X");
    let requests: Vec<_> = slices.iter().filter(|slice| slice["name"] == "request").collect();
    let packages = requests.iter().filter_map(|slice| slice["args"]["package"].as_str());
    let own = packages.filter(|package| package.starts_with("small.example")).count();
    assert!(own >= 10, "{own} of {} requests name a package of the module", requests.len());
    let last = requests.iter().map(|slice| slice["ts"].as_f64().unwrap()).fold(0.0, f64::max);
    let run = slices.iter().find(|event| event["name"] == "Running build command").unwrap();
    let first = requests.iter().map(|slice| slice["ts"].as_f64().unwrap()).fold(f64::MAX, f64::min);
    let (start, end) = (run["ts"].as_f64().unwrap(), run["ts"].as_f64().unwrap() + run["dur"].as_f64().unwrap());
    assert!(start < first && last < end, "go ran from {start} to {end} µs, its requests from {first} to {last}");
    let actions: Vec<_> = slices.iter().filter(|slice| slice["cat"] == "go action").collect();
    let builds = actions.iter().filter(|slice| slice["name"].as_str().unwrap().starts_with("build small.example"));
    let joined = builds.filter(|slice| !slice["args"]["requests"].as_array().unwrap().is_empty()).count();
    assert!(joined >= 10, "{joined} of {} actions have requests", actions.len());
    let arrows = ["s", "f"].map(of).concat();
    assert!(!arrows.is_empty());
    for arrow in arrows {
        let holds = |slice: &&&Value| {
            let (start, length) = (slice["ts"].as_f64().unwrap(), slice["dur"].as_f64().unwrap());
            let at = arrow["ts"].as_f64().unwrap();
            (&slice["pid"], &slice["tid"]) == (&arrow["pid"], &arrow["tid"]) && (start..=start + length).contains(&at)
        };
        assert!(slices.iter().any(|slice| holds(&slice)), "{arrow} begins or ends in no slice");
    }
}

/// A get that waits for a pack says for which one, and that pack was fetched.
fn assert_waits_name_packs(path: &Path) {
    let trace: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let packs = |name: &str| -> Vec<&str> {
        let slices = trace.iter().filter(|event| event["name"] == name);
        slices.map(|event| event["args"]["pack"].as_str().unwrap_or_default()).collect()
    };
    let (waits, fetched) = (packs("wait.first_byte"), packs("prefetch"));
    assert!(!waits.is_empty() && waits.iter().all(|pack| fetched.contains(pack)), "{waits:?} of {fetched:?}");
}

/// Each state with a backend has a critical path, and what the cache saved counts all of its gets.
fn assert_critical_paths(results: &Value) {
    let paths = results["critical_paths"].as_array().unwrap();
    let folders: Vec<_> = paths.iter().map(|path| path["folder"].as_str().unwrap()).collect();
    assert_eq!(folders, ["cold/profile", "remote-hit/profile", "local-hit/profile"]);
    for path in paths {
        let steps = path["steps"].as_array().unwrap();
        let packages =
            steps.iter().filter(|step| step["package"].as_str().unwrap().starts_with("small.example")).count();
        assert!(packages > 0, "{path:#}");
        assert!(steps.iter().any(|step| step["cache_ns"].as_u64().is_some_and(|ns| ns > 0)), "{path:#}");
        let end = steps.last().unwrap()["done_ns"].as_u64().unwrap();
        assert!(path["cache_ns"].as_u64().unwrap() < end && end <= path["wall_ns"].as_u64().unwrap(), "{path:#}");
    }
    let savings = results["savings"].as_array().unwrap();
    assert_eq!(savings.len(), 2);
    for saved in savings {
        let all = saved["parts"].as_array().unwrap().last().unwrap();
        let round =
            results["rounds"].as_array().unwrap().iter().find(|round| round["folder"] == saved["folder"]).unwrap();
        assert_eq!(all["gets"], round["session"]["gets"]);
        let ns = |part: &Value, name: &str| part[name].as_i64().unwrap();
        let is_matched = |part: &&Value| part["saved_ns"].is_i64();
        let parts: Vec<&Value> = saved["parts"].as_array().unwrap().iter().filter(is_matched).collect();
        assert!(parts.len() > 1, "{saved:#}");
        for part in parts {
            assert_eq!(ns(part, "saved_ns"), ns(part, "compiled_ns") - ns(part, "waited_ns"), "{part:#}");
        }
    }
}

/// A folder whose user has set GOCACHEPROG by `go env -w`, to something that fails.
fn hostile_home() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("config");
    std::fs::create_dir_all(config.join("go")).unwrap();
    std::fs::write(config.join("go/env"), "GOCACHEPROG=/nowhere/helper\nGOFLAGS=-race\n").unwrap();
    (home, config)
}

#[test]
fn five_runs_are_each_in_their_state_and_leave_their_records() {
    let folder = tempfile::tempdir().unwrap();
    let (_home, config) = hostile_home();
    let mut command = bench(folder.path(), &["--scenario", "small", "--rounds", "2", "--rtt", "1", "--details"]);
    // None of these may reach a run.
    command.env("XDG_CONFIG_HOME", &config).env("GOCACHEPROG", "/nowhere/helper").env("GOFLAGS", "-nonsense");
    command.env("S3_ENDPOINT", "http://127.0.0.1:1").env("CACHEPROG_STRATEGY", "nonsense");
    let elsewhere = ["HTTP_PROXY", "https_proxy", "ALL_PROXY", "AWS_PROFILE", "AWS_ENDPOINT_URL", "SSL_CERT_FILE"];
    command.envs(elsewhere.map(|name| (name, "http://127.0.0.1:1")));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));

    let results = results(folder.path());
    schema::check(&results);
    assert_eq!(results["schema"], 3);
    assert_eq!(results["ended"], "complete");
    for round in results["rounds"].as_array().unwrap() {
        assert_eq!(round["state_ok"], true, "{round:#}");
    }
    let session = |state: &str, key: &str| of_state(&results, state)["session"][key].as_u64().unwrap();
    assert_eq!((session("cold", "hits_not_put_here"), session("cold", "uploads_left")), (0, 0));
    assert!(session("remote-hit", "hits_remote") > 0 && session("remote-hit", "bytes_down") > 0);
    assert!(session("local-hit", "hits_local") > 0);
    assert_eq!(of_state(&results, "local-hit")["server"]["requests"], 0);

    let table = text(&output.stdout);
    assert!(table.contains("Did the build get faster with GOCACHEPROG?"), "{table}");
    // A command stays on one line, so that it can be pasted.
    let mut lines = table.lines().filter(|line| !line.contains(env!("CARGO_BIN_EXE_bench")));
    assert!(lines.all(|line| line.chars().count() <= 100), "{table}");
    assert!(table.contains("The records agree: "), "{table}");
    assert!(table.contains("has not been measured. Run:"), "{table}");
    let resources = |state: &str| of_state(&results, state)["resources"].clone();
    assert!(resources("go-cold")["go"]["cpu_ns"].as_u64().unwrap() > 0, "{}", resources("go-cold"));
    assert!(of_state(&results, "cold")["session"]["resources"]["s3"]["peak_resident_bytes"].is_u64());
    assert_go_view(&folder.path().join("metrics/latest/cold/profile/trace.json"));
    assert_waits_name_packs(&folder.path().join("metrics/latest/remote-hit/profile/trace.json"));
    assert_critical_paths(&results);
    assert!(table.contains("savings by size") && table.contains("remote-hit: the critical path ("), "{table}");
    assert_first_screen(folder.path());
    for file in
        ["cold/1/trace.json", "remote-hit/1/request.txt", "local-hit/2/session.json", "cold/profile/session.json"]
    {
        assert!(folder.path().join("metrics/latest").join(file).is_file(), "{file}");
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("metrics/.gitignore")).unwrap(), "*\n");
    assert_no_work_left(folder.path());
    let written = std::fs::read_dir(config.join("go")).unwrap().count();
    assert_eq!(written, 1, "go wrote beside the user's settings, its counters perhaps");
}

/// The saved run prints its first screen without `--details`, and the rest with it.
fn assert_first_screen(folder: &Path) {
    let report = |args: &[&str]| {
        let output = bench(folder, args).env("NO_COLOR", "1").output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let screen = report(&["report", "metrics/latest"]);
    assert!(screen.lines().count() <= 24, "{screen}");
    // A command is as long as the path of the program.
    let is_command = |line: &&str| line.contains(env!("CARGO_BIN_EXE_bench"));
    let long = screen.lines().filter(|line| !is_command(line)).find(|line| line.chars().count() > 80);
    assert_eq!(long, None, "{screen}");
    let first = screen.lines().next().unwrap();
    let answers = ["Yes: ", "Partly: ", "No: ", "Unclear: ", "Inconclusive: ", "Busy machine (", "Noisy machine ("];
    assert!(answers.iter().any(|answer| first.starts_with(answer)), "{screen}");
    for words in [
        " fresh machine, full S3  remote-hit ",
        " first build, fills S3   cold ",
        " next build, same disk   local-hit ",
    ] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    assert!(screen.contains("metrics/latest/report.html") && screen.contains("/trace.json"), "{screen}");
    assert!(!screen.contains("savings by size") && !screen.contains('\u{1b}'), "{screen}");
    let command = screen.lines().find_map(|line| line.strip_prefix(" all tables: ")).unwrap();
    let words: Vec<&str> = command.split(' ').collect();
    assert_eq!(words[0], env!("CARGO_BIN_EXE_bench"));
    let details = report(&words[1..]);
    assert!(details.contains("savings by size") && details.contains("The records agree: "), "{details}");
}

#[test]
fn a_build_that_measures_nothing_shows_gos_own_words_and_leaves_what_was_there_alone() {
    for (pattern, words) in [("no/such/package", "no/such/package is not in std"), ("nett/...", "matched no packages")]
    {
        let folder = tempfile::tempdir().unwrap();
        let metrics = folder.path().join("metrics");
        std::fs::create_dir_all(metrics.join("before")).unwrap();
        std::os::unix::fs::symlink("before", metrics.join("latest")).unwrap();
        let error = failure(folder.path(), &[pattern], &[]);
        assert!(error.contains(words), "{error}");
        assert_eq!(std::fs::read_link(metrics.join("latest")).unwrap(), Path::new("before"));
        assert_eq!(std::fs::read_dir(&metrics).unwrap().count(), 2, "`before` and `latest`");
    }
}

#[test]
fn an_interrupt_leaves_the_results_so_far() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = bench(folder.path(), &["--scenario", "small", "--rounds", "500"]);
    command.stderr(std::process::Stdio::null()).stdout(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    let file = folder.path().join("metrics/latest/results.json");
    let enough = || file.is_file() && results(folder.path())["rounds"].as_array().unwrap().len() >= 3;
    for attempt in 0.. {
        if enough() {
            break;
        }
        assert!(attempt < 6000, "no three rounds after two minutes of waiting");
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be interrupted");
        std::thread::sleep(Duration::from_millis(20));
    }
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let results = results(folder.path());
    assert_eq!(results["ended"], "interrupted");
    assert!(results["rounds"].as_array().unwrap().len() >= 3);
    assert_no_work_left(folder.path());
}

fn failure(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> String {
    let Output { status, stderr, .. } = bench(folder, args).envs(variables.iter().copied()).output().unwrap();
    assert_eq!(status.code(), Some(1), "{}", text(&stderr));
    text(&stderr)
}

#[test]
fn bad_input_is_one_clear_paragraph() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("mine.toml"), "description = \"x\"\nstates = [\"local-hit\"]\n[rounds]\nshrot = 3\n")
        .unwrap();
    let error = failure(folder, &["--scenario", "mine.toml"], &[]);
    assert!(error.contains("error: mine.toml:4: unknown key `shrot`; did you mean `short`?"), "{error}");

    let error = failure(folder, &["--remote", "env"], &[("S3_ENDPOINT", "")]);
    assert!(error.contains("S3_ENDPOINT is not set"), "{error}");
    let error = failure(folder, &["--remote", "env"], &[("S3_ENDPOINT", "http://127.0.0.1:1"), ("S3_BUCKET_NAME", "")]);
    assert!(error.contains("S3_BUCKET_NAME"), "{error}");

    let unreachable = [
        ("S3_ENDPOINT", "http://127.0.0.1:1"),
        ("S3_ACCESS_KEY_ID", "the-id"),
        ("S3_SECRET_ACCESS_KEY", "the-secret"),
        ("S3_BUCKET_NAME", "cache"),
    ];
    let error = failure(folder, &["--remote", "env"], &unreachable);
    assert!(error.contains("http://127.0.0.1:1") && error.contains("next:"), "{error}");
    assert!(!error.contains("the-secret") && !error.contains("the-id"), "{error}");

    std::fs::create_dir_all(folder.join("m/sub")).unwrap();
    std::fs::write(folder.join("m/go.mod"), "module m\n\ngo 1.24\n\nrequire example.com/none v1.0.0\n").unwrap();
    std::fs::write(folder.join("m/m.go"), "package m\n\nimport _ \"example.com/none\"\n").unwrap();
    let own = [("GOWORK", "off"), ("GOTOOLCHAIN", "local")];
    let module = |words: &[&str]| failure(folder, &[&["--scenario", "small", "--workload"], words].concat(), &own);
    for (words, part, next) in [
        (&["m/sub"][..], "m/sub is a folder inside a Go module", "/m ./sub/..."),
        (&["."], " is not a Go module", "give the folder that has a go.mod"),
        (&["m"], "missing go.sum entry", "run `go -C /"),
        (&["m", "--", "go", "run", "."], "up to the program that it runs", "give go build, go test"),
        (&["m", "--", "go", "build", "-tags", "x", "-a"], "`-a`: it compiles everything again", "leave it out"),
    ] {
        let error = module(words);
        assert!(error.contains(part) && error.contains(next) && error.contains("\n  next:  "), "{words:?}: {error}");
    }
    let error = failure(folder, &["--scenario", "small", "--workload", "m"], &[("GOTOOLCHAIN", "go1.99.0")]);
    assert!(error.contains("download the toolchain; run `go -C /") && error.contains("/m version`"), "{error}");

    let error = failure(folder, &["--scenario", "small"], &[("PATH", "/nowhere")]);
    assert!(error.contains("there is no go to measure"), "{error}");
    std::fs::write(folder.join("file"), "").unwrap();
    let error = failure(folder, &["--scenario", "small", "--out", "file/metrics"], &[]);
    assert!(error.contains("--out DIR"), "{error}");
}

#[test]
fn the_price_is_measured_and_two_profiles_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let observe = bench(folder.path(), &["overhead", "--scenario", "small", "--rounds", "10"]).output().unwrap();
    assert!(observe.status.success(), "{}", text(&observe.stderr));
    let table = text(&observe.stdout);
    for row in ["none, again", "trace", "request.txt", "histograms", "wall profile", "samples", "all five"] {
        assert!(table.contains(&format!(" {row} ")), "{row}: {table}");
    }
    let output = bench(folder.path(), &["--scenario", "small", "--only", "local-hit", "--rounds", "1", "--details"])
        .output()
        .unwrap();
    assert!(text(&output.stdout).contains("The records cost `go build "), "{}", text(&output.stdout));
    let rounds = ["metrics/latest/local-hit/1", "metrics/latest/cold/preparation"];
    let diff = bench(folder.path(), &["diff", rounds[0], rounds[1], "--profile", "fg.prof"]).output().unwrap();
    assert!(diff.status.success(), "{}", text(&diff.stderr));
    for name in ["grown.svg", "shrunk.svg"] {
        assert!(std::fs::read_to_string(folder.path().join("metrics/diff").join(name)).unwrap().contains("<svg"));
    }
    let error = failure(folder.path(), &["diff", rounds[0], "nowhere"], &[]);
    assert!(error.contains("there is no nowhere") && error.contains("next:"), "{error}");
    let file = folder.path().join("before.pprof");
    std::fs::copy(folder.path().join(rounds[0]).join("pprof/fg.prof"), &file).unwrap();
    let error = failure(folder.path(), &["diff", "before.pprof", "metrics/latest"], &[]);
    assert!(error.contains("metrics/latest has no cpu.pprof or fg.prof"), "{error}");
    let diff = bench(folder.path(), &["diff", "before.pprof", rounds[1], "--profile", "fg.prof"]).output().unwrap();
    assert!(diff.status.success(), "{}", text(&diff.stderr));
}

#[test]
fn a_dry_run_runs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = bench(folder.path(), &["--dry-run", "--only", "local-hit", "net/http"]).output().unwrap();
    let plan = text(&output.stdout);
    assert!(plan.contains("go build net/http") && plan.contains("prepare   cold"), "{plan}");
    assert!(plan.contains("\ntakes     about ") && plan.lines().all(|line| line.chars().count() <= 80), "{plan}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
