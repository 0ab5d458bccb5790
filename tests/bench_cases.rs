//! The bench with the real go, over scenarios with cases and a small module.

#[path = "common/schema.rs"]
mod schema;

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Runs a scenario of this text in `folder`; gives its results, which are as the schema says, and what it printed.
fn bench(folder: &Path, scenario: &str, args: &[&str]) -> (Value, String) {
    bench_with(folder, scenario, args, &[])
}

/// A bench in `folder` with these variables.
fn command(folder: &Path, args: &[&str], variables: &[(&str, &OsStr)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command
        .current_dir(folder)
        .arg("--scenario")
        .arg(folder.join("mine.toml"))
        .arg("--details")
        .args(args)
        .envs(variables.iter().copied());
    command
}

/// As [`bench`], with these variables.
fn bench_with(folder: &Path, scenario: &str, args: &[&str], variables: &[(&str, &OsStr)]) -> (Value, String) {
    std::fs::write(folder.join("mine.toml"), scenario).unwrap();
    let output = command(folder, args, variables).output().unwrap();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{stderr}\n{stdout}");
    let latest = folder.join("metrics/latest");
    let results = serde_json::from_slice(&std::fs::read(latest.join("results.json")).unwrap()).unwrap();
    schema::check(&results);
    assert!(latest.join("report.html").is_file());
    (results, stdout)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The measured rounds of one state under one case.
fn rounds<'a>(results: &'a Value, folder: &str) -> Vec<&'a Value> {
    let rounds = results["rounds"].as_array().unwrap();
    let of = |round: &&Value| round["folder"].as_str().unwrap().starts_with(folder) && round["kind"] == "measured";
    rounds.iter().filter(of).collect()
}

fn assert_all_in_state(results: &Value) {
    for round in results["rounds"].as_array().unwrap() {
        assert_eq!(round["state_ok"], true, "{round:#}");
    }
}

/// A scenario over a generated module.
fn scenario(states: &str, rest: &str) -> String {
    format!(
        "description = \"x\"\nstates = [{states}]\n[workload]\npackages = \"./...\"\ngenerated_packages = 6\n\
         [link]\nlatency_ms = 1\n[rounds]\nshort = 2\nprofile = false\n{rest}"
    )
}

const CASES: &str = r#"
[[cases]]
name = "workshop"
strategy = "workshop"
[[cases]]
name = "Pack, all of it"
strategy = "pack"
[[cases]]
name = "half"
strategy = "async"
remote_share = 50
link = { latency_ms = 0, bandwidth = "80 Mbit/s" }
rounds = 1
"#;

#[test]
fn cases_stand_side_by_side_and_no_round_leaves_anything_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let (results, table) = bench(folder.path(), &scenario("\"go-warm\", \"remote-hit\"", CASES), &[]);
    assert_all_in_state(&results);
    let count = |folder: &str| rounds(&results, folder).len();
    assert_eq!((count("go-warm/"), count("remote-hit/workshop/"), count("remote-hit/half/")), (2, 2, 1));
    let packs = rounds(&results, "remote-hit/pack-all-of-it/");
    for round in &packs {
        assert_eq!((&round["session"]["strategy"], &round["session"]["misses"]), (&"pack".into(), &0.into()));
        assert!(round["link"]["first_byte_median_ms"].as_f64().unwrap() >= 1.0, "{round:#}");
    }
    let half = &rounds(&results, "remote-hit/half/")[0]["session"];
    let number = |key: &str| half[key].as_u64().unwrap();
    assert!(number("hits_remote") > 0 && number("misses") > 0 && number("puts") > 0, "{half:#}");
    let summaries = results["cases"].as_array().unwrap();
    assert!(summaries.iter().all(|case| case["against_full"]["ratio"].is_f64()), "{summaries:#?}");
    assert!(table.contains("Pack, all of it") && table.contains("3 cases"), "{table}");
    assert!(folder.path().join("metrics/latest/remote-hit/workshop/2/trace.json").is_file());
}

#[test]
fn what_a_round_uploads_is_gone_in_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let cases = "[[cases]]\nname = \"part\"\nstrategy = \"pack\"\nremote_share = 40\n";
    let (results, _) = bench(folder.path(), &scenario("\"remote-hit\"", cases), &["--rounds", "3"]);
    assert_all_in_state(&results);
    let misses: Vec<&Value> =
        rounds(&results, "remote-hit/part/").into_iter().map(|round| &round["session"]["misses"]).collect();
    assert!(misses.len() == 3 && misses[0].as_u64().unwrap() > 0, "{misses:?}");
    assert!(misses.iter().all(|count| count == &misses[0]), "{misses:?}");
}

const CHANGES: &str = r#"
[[cases]]
name = "edit"
change = "edit-one-file"
[[cases]]
name = "bump"
change = "bump-dependency"
[[cases]]
name = "branch"
change = "switch-branch"
[[cases]]
name = "elsewhere"
change = "checkout-elsewhere"
[[cases]]
name = "elsewhere, trimmed"
change = "checkout-elsewhere"
trimpath = true
"#;

#[test]
fn changes_miss_what_they_touch_and_trimpath_forgets_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let text = scenario("\"go-warm\", \"remote-hit\", \"local-hit\"", CHANGES);
    let text = text.replace("generated_packages = 6", "generated_packages = 6\ndependency_packages = 2");
    let (results, table) = bench(folder.path(), &text, &["--rounds", "1"]);
    assert_all_in_state(&results);
    let misses = |folder: &str| rounds(&results, folder)[0]["session"]["misses"].as_u64().unwrap();
    for state in ["remote-hit", "local-hit"] {
        let of = |case: &str| misses(&format!("{state}/{case}/"));
        assert!(of("edit") > 0 && of("bump") > of("edit") && of("branch") > 0, "{}", of("edit"));
        // go's index of each package has the folder in its key, with -trimpath too: 6 packages and 2 of the dependency.
        assert_eq!(of("elsewhere-trimmed"), 8);
        assert!(of("elsewhere") > 8, "{}", of("elsewhere"));
    }
    assert_eq!(rounds(&results, "go-warm/").len(), 5, "each change has its own");
    assert!(table.contains("go alone: edit"), "{table}");
}

/// Every file below `folder` with its time, size and content.
fn snapshot(folder: &Path) -> Vec<(std::path::PathBuf, std::time::SystemTime, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let modified = path.metadata().unwrap().modified().unwrap();
        if path.is_dir() {
            all.push((path.clone(), modified, Vec::new()));
            all.extend(snapshot(&path));
        } else {
            all.push((path.clone(), modified, std::fs::read(&path).unwrap()));
        }
    }
    all.sort();
    all
}

/// Writes files whose time go does not doubt.
fn write(folder: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        let earlier = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
        std::fs::File::options().write(true).open(path).unwrap().set_modified(earlier).unwrap();
    }
}

/// A module that needs the tag `prod` and another module beside it, in a folder whose name has a space.
fn module_of_a_user(home: &Path, more: &[(&str, &str)]) {
    write(
        home,
        &[
            ("my mod/go.mod", "module mine.example\n\ngo 1.24\n\nrequire lib v0.0.0\n\nreplace lib => ../lib\n"),
            ("my mod/a/a.go", "//go:build prod\n\npackage a\n\nimport \"lib\"\n\nfunc A() int { return lib.L() }\n"),
            ("my mod/b/b.go", "package b\n\nfunc B() int { return 41 }\n"),
            ("lib/go.mod", "module lib\n\ngo 1.24\n"),
            ("lib/l.go", "package lib\n\nfunc L() int { return 41 }\n"),
        ],
    );
    write(home, more);
}

#[test]
fn a_module_of_the_users_is_built_as_he_builds_it_and_left_as_it_was() {
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let main = "//go:build prod\n\npackage main\n\nimport \"mine.example/a\"\n\nfunc main() { println(a.A()) }\n";
    let settings = "GOCACHEPROG=/nowhere/helper\nGOFLAGS=-tags=prod -mod=mod\nCGO_ENABLED=0\n";
    module_of_a_user(home.path(), &[("my mod/main.go", main), ("config/go/env", settings)]);
    std::os::unix::fs::symlink("my mod", home.path().join("mine")).unwrap();
    let before = snapshot(home.path());
    let cases = "[[cases]]\nname = \"plain\"\n[[cases]]\nname = \"edit\"\nchange = \"edit-one-file\"\n";
    let path = home.path().join("mine").display().to_string();
    let config = home.path().join("config");
    let variables = [("XDG_CONFIG_HOME", config.as_os_str()), ("GOMAXPROCS", "2".as_ref()), ("GOWORK", "".as_ref())];
    let args = ["--workload", &path, "--rounds", "1"];
    let (results, table) = bench_with(folder.path(), &scenario("\"remote-hit\"", cases), &args, &variables);
    assert_all_in_state(&results);
    assert!(
        table.contains("go build ./... in mine") && table.contains("CGO_ENABLED=0 GOFLAGS=-tags=prod GOMAXPROCS=2\n"),
        "{table}"
    );
    let left_out = "Not used of your settings: GOCACHEPROG, -mod=mod of GOFLAGS";
    assert!(table.contains(left_out), "{table}");
    assert_eq!(results["environment"]["go_settings"]["GOFLAGS"], "-tags=prod");
    assert_eq!(
        rounds(&results, "remote-hit/plain")[0]["before"]["made_again"],
        1,
        "the program is there with the tag only"
    );
    assert!(rounds(&results, "remote-hit/edit")[0]["session"]["misses"].as_u64() > Some(1));

    // Another command, of the same settings, started in the module: the results are not put among its sources.
    let state = folder.path().join("state");
    std::fs::write(folder.path().join("mine.toml"), scenario("\"go-warm\", \"remote-hit\", \"local-hit\"", ""))
        .unwrap();
    let args = ["--workload", ".", "--", "go", "list", "-export", "./a"];
    let variables = [&variables[..], &[("XDG_STATE_HOME", state.as_os_str())]].concat();
    let output = command(folder.path(), &args, &variables).current_dir(home.path().join("mine")).output().unwrap();
    let table = text(&output.stdout);
    assert!(
        output.status.success() && table.contains("go list -export ./a in my mod "),
        "{table}{}",
        text(&output.stderr)
    );
    let results = std::fs::read(state.join("cacheprog/bench/latest/results.json")).unwrap();
    let results = serde_json::from_slice(&results).unwrap();
    assert_all_in_state(&results);
    assert_eq!(results["plan"]["command"]["subcommand"], "list");
    let after: Vec<_> = snapshot(home.path()).into_iter().filter(|(path, ..)| !path.starts_with(&config)).collect();
    let before: Vec<_> = before.into_iter().filter(|(path, ..)| !path.starts_with(&config)).collect();
    assert_eq!(after, before);
}

/// A test that runs go itself, which starts a backend too.
const RUNS_GO: &str = r#"package b

import ("os"; "runtime"; "testing")

func TestB(t *testing.T) {
	files := []*os.File{nil, os.Stdout, os.Stderr}
	attributes := &os.ProcAttr{Dir: "../a", Env: os.Environ(), Files: files}
	go_, err := os.StartProcess(runtime.GOROOT() + "/bin/go", []string{"go", "list", "-export", "-race=false", "."}, attributes)
	if err != nil {
		t.Fatal(err)
	}
	if state, err := go_.Wait(); err != nil || !state.Success() {
		t.Fatal(state, err)
	}
}
"#;

#[test]
fn tests_are_timed_with_their_flags_and_may_run_go_themselves() {
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    module_of_a_user(home.path(), &[("my mod/b/b_test.go", RUNS_GO)]);
    let before = snapshot(home.path());
    let path = home.path().join("my mod").display().to_string();
    let command =
        ["--workload", &path, "--rounds", "1", "--", "go", "test", "-tags", "prod", "-vet=off", "-count=1", "./..."];
    let variables = [("GOFLAGS", "-tags=prod".as_ref()), ("GOWORK", "".as_ref())];
    let (results, table) = bench_with(folder.path(), &scenario("\"cold\", \"remote-hit\"", ""), &command, &variables);
    assert_all_in_state(&results);
    assert!(table.contains("go test -tags prod -vet=off -count=1 ./... in my mod"), "{table}");
    assert!(table.contains("The records agree"), "{table}");
    let inside = std::fs::read_dir(folder.path().join("metrics/latest/remote-hit/1/inside")).unwrap().count();
    assert_eq!(inside, 1, "the session of the go that the test ran");
    assert_eq!(snapshot(home.path()), before);
}

#[test]
fn a_workspace_is_used_with_its_toolchain_and_no_copy_is_made_of_it() {
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = Command::new("go").args(["env", "GOROOT"]).output().unwrap();
    let root = text(&root.stdout).trim().to_owned();
    let toolchain = format!(
        "#!/bin/sh\necho $* >> \"$0.log\"\nunset GOTOOLCHAIN_INTERNAL_SWITCH_VERSION\nGOTOOLCHAIN=local exec {root}/bin/go \"$@\"\n"
    );
    write(
        home.path(),
        &[
            ("work/go.work", "go 1.24\n\ntoolchain go1.99.0\n\nuse (\n\t./m\n\t./lib\n)\n"),
            ("work/m/go.mod", "module mine.example\n\ngo 1.24\n"),
            ("work/m/m.go", "package m\n\nimport \"lib.example\"\n\nfunc M() int { return lib.L() }\n"),
            ("work/lib/go.mod", "module lib.example\n\ngo 1.24\n"),
            ("work/lib/l.go", "package lib\n\nfunc L() int { return 41 }\n"),
            ("bin/go1.99.0", &toolchain),
        ],
    );
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(home.path().join("bin/go1.99.0"), executable).unwrap();
    let before = snapshot(&home.path().join("work"));
    let path = format!("{}:{}", home.path().join("bin").display(), std::env::var("PATH").unwrap());
    let variables = [("GOTOOLCHAIN", "auto".as_ref()), ("PATH", path.as_ref()), ("GOWORK", "".as_ref())];
    let module = home.path().join("work/m").display().to_string();
    let args = ["--workload", &module, "--rounds", "1"];
    let (results, table) = bench_with(folder.path(), &scenario("\"go-warm\", \"remote-hit\"", ""), &args, &variables);
    assert_all_in_state(&results);
    assert!(table.contains("go settings: ") && table.contains("work/go.work"), "{table}");
    let asked = std::fs::read_to_string(home.path().join("bin/go1.99.0.log")).unwrap();
    assert!(asked.starts_with("env -json"), "{asked}");
    assert_eq!(snapshot(&home.path().join("work")), before);

    let cases = "[[cases]]\nname = \"edit\"\nchange = \"edit-one-file\"\n";
    std::fs::write(folder.path().join("mine.toml"), scenario("\"remote-hit\"", cases)).unwrap();
    let output = command(folder.path(), &args, &variables).output().unwrap();
    let error = text(&output.stderr);
    assert!(error.contains("work/go.work") && error.contains("next:  set GOWORK=off"), "{error}");
}

#[test]
fn a_grid_is_measured_at_some_points_and_fitted_at_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let grid = "[grid]\nlatency_ms = [0, 2, 9]\nbandwidth = [\"not limited\", \"100 Mbit/s\"]\n\
                strategies = [{ strategy = \"pack\", rounds = 1 }, { strategy = \"workshop\", latency_ms = [0, 2], rounds = 1 }]\n";
    let (results, table) = bench(folder.path(), &scenario("\"go-cold\", \"remote-hit\"", grid), &[]);
    assert_all_in_state(&results);
    let workshop = &results["network"]["strategies"][1]["columns"][1];
    let points = workshop["points"].as_array().unwrap();
    let is_measured: Vec<&Value> = points.iter().map(|point| &point["is_measured"]).collect();
    assert_eq!(is_measured, [true, true, false]);
    assert_eq!(rounds(&results, "remote-hit/workshop-").len(), 4);
    assert!(table.contains('~') && table.contains("workshop, 100 Mbit/s: "), "{table}");
    assert!(folder.path().join("metrics/latest/network.svg").is_file());
}

#[test]
fn machines_build_in_waves_over_one_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let text = "description = \"x\"\nstrategy = \"pack\"\n[workload]\npackages = \"./...\"\ngenerated_packages = 6\n\
                [link]\nlatency_ms = 1\n[ci]\nmachines = [3]\npackages = [\"./p05\", \"./p04\", \"./p03\"]\n\
                [prices]\nget_per_1000 = 1.0\n";
    let (results, table) = bench(folder.path(), text, &[]);
    assert_eq!((&results["schema"], &results["ended"]), (&3.into(), &"complete".into()));
    let waves = results["waves"].as_array().unwrap();
    assert_eq!(waves.len(), 6, "two groups of two waves, two of one");
    let of = |builds: &str, start: &str, wave: usize| {
        let is_it = |row: &&Value| row["builds"] == builds && row["start"] == start && row["wave"] == wave;
        waves.iter().find(is_it).unwrap()
    };
    let second = of("same", "one-seeds", 2);
    assert_eq!((&second["started"], &second["remote_rate"]), (&2.into(), &1.0.into()), "{second:#}");
    assert_eq!(of("same", "one-seeds", 1)["remote_rate"], 0.0, "the bucket was empty");
    assert!(second["cost"]["requests"].as_f64().unwrap() >= 0.002, "two machines, a GET each: {second:#}");
    for group in results["machines"].as_array().unwrap() {
        let builds = group["waves"].as_array().unwrap().iter().flat_map(|wave| wave["builds"].as_array().unwrap());
        assert_eq!(builds.filter(|build| build["session"]["uploads_left"] == 0).count(), 3);
    }
    assert!(table.contains("neighbours") && table.contains("$ wave"), "{table}");
    assert!(folder.path().join("metrics/latest/ci/same/one-seeds/3/machine-3/trace.json").is_file());
}
