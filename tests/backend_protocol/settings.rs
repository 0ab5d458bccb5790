//! Settings as people and CI write them, and the folders that are used without any.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::common::backend::Backend;
use crate::common::{cacheprog, sessions, stderr};

/// The backend without anything that says where its folders are, in a folder `work` beside its home.
fn at_home(folder: &Path) -> Command {
    let mut command = cacheprog();
    for name in ["home", "work", "tmp"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    command.env_remove("CACHEPROG_HERE").env("HOME", folder.join("home")).env("TMPDIR", folder.join("tmp"));
    command.current_dir(folder.join("work")).stdin(Stdio::null());
    command
}

/// All that is in `folder`.
fn below(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Variables of all arguments, as the help names them.
fn variables() -> Vec<String> {
    let help = cacheprog().arg("--help").output().unwrap().stdout;
    let help = String::from_utf8(help).unwrap();
    let names = help.split("[env: ").skip(1).map(|rest| rest.split_once('=').unwrap().0.to_owned());
    names.filter(|name| name.starts_with("CACHEPROG_")).collect()
}

/// A session in which all variables have this value.
fn session_with_all(value: &OsString) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = at_home(folder.path());
    for name in variables() {
        command.env(name, value);
    }
    command.output().unwrap()
}

#[test]
fn no_value_of_a_variable_ends_a_session_and_what_cannot_be_read_is_named() {
    let variables = variables();
    assert!(variables.len() > 15, "{variables:?}");
    let paths = ["CACHEPROG_CACHE_DIR", "CACHEPROG_METRICS"];
    for value in [&b"nonsense"[..], b"-1", b"caf\xe9", b"a\nb", b"99999999999999999999"] {
        let output = session_with_all(&OsString::from_vec(value.to_vec()));
        let text = stderr(&output);
        assert!(output.status.success(), "{value:?}: {text}");
        assert!(output.stdout.starts_with(b"{\"ID\":0"), "{value:?}: {text}");
        for name in variables.iter().filter(|name| !paths.contains(&name.as_str())) {
            let lines: Vec<&str> = text.lines().filter(|line| line.contains(&format!(" {name}="))).collect();
            assert_eq!(lines.len(), 1, "{name}={value:?}: {text}");
            assert!(lines[0].contains("; the default ") && lines[0].ends_with("is used"), "{text}");
        }
    }
    for empty in ["", " ", "\n"] {
        let output = session_with_all(&empty.into());
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), "CacheProg used.\n"), "{empty:?}");
    }
}

#[test]
fn values_are_read_in_the_forms_that_people_write() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = at_home(folder.path());
    for (name, value) in [
        ("MAX_SIZE", "10GB"),
        ("MAX_AGE", "12h"),
        ("DRAIN_DEADLINE", "1m30s"),
        ("STRATEGY", "ASYNC\n"),
        ("CPU_PROFILE", "Off"),
        ("PLAIN", "no"),
        ("NO_SAMPLES", "TRUE"),
        ("KEEP_RECORDS", "1GiB"),
        ("CACHE_DIR", "~/cache\n"),
    ] {
        command.env(format!("CACHEPROG_{name}"), value);
    }
    let output = command.output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), "CacheProg used.\n"));
    let records = folder.path().join("home/.local/state/cacheprog");
    let session = crate::common::read_session(&sessions(&records)[0]);
    assert_eq!((&session["strategy"], session["resources"].is_null()), (&"async".into(), true));
    assert!(folder.path().join("home/cache").is_dir());
}

#[test]
fn flags_come_before_variables_and_are_strict() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, word) in [
        (&["--max-size", "10 bananas"][..], "not a size"),
        (&["--drain-deadline", "2d"], "more than a day"),
        (&["--strategy", "pak"], "possible values: workshop, async, pack"),
        (&["--cache-dir="], "--cache-dir"),
        (&["--cache-dir", "/tmp/a", "b"], "go splits GOCACHEPROG at spaces"),
        (&["--here", "path"], "Flags go behind the command"),
    ] {
        let output = at_home(folder.path()).args(arguments).output().unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
        assert!(stderr(&output).contains(word), "{arguments:?}: {}", stderr(&output));
    }
    use std::os::unix::ffi::OsStrExt;
    let no_text = std::ffi::OsStr::from_bytes(b"\xff");
    let output = at_home(folder.path()).args(["--cache-dir", "/tmp/a"]).arg(no_text).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{}", stderr(&output));
    assert!(stderr(&output).contains("go splits GOCACHEPROG at spaces"), "{}", stderr(&output));

    let output = at_home(folder.path())
        .args(["--strategy", "async", "--max-size=1g", "--cache-dir", "flag"])
        .env("CACHEPROG_STRATEGY", "workshop")
        .env("CACHEPROG_HERE", "0")
        .env("CACHEPROG_CACHE_DIR", "variable")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(below(&folder.path().join("work")), [folder.path().join("work/flag")]);
    let unreadable = |arguments: &[&str]| {
        at_home(folder.path()).args(arguments).env("CACHEPROG_MAX_SIZE", "10 bananas").output().unwrap()
    };
    let output = unreadable(&["--max-size", "5G"]);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), "CacheProg used.\n"), "the flag counts");
    let trim = unreadable(&["trim"]);
    assert!(!trim.status.success() && stderr(&trim).contains("CACHEPROG_MAX_SIZE=\"10 bananas\" is not a size"));
    let trim = unreadable(&["trim", "--max-size", "5G"]);
    assert!(trim.status.success(), "{}", stderr(&trim));
}

#[test]
#[cfg(target_os = "linux")]
fn by_default_nothing_is_written_where_the_sources_are() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let (store, records) = (home.join(".cache/cacheprog"), home.join(".local/state/cacheprog"));
    let path = at_home(folder.path()).arg("path").output().unwrap();
    let expected = |there: &str| {
        format!("store    {}  (default{there})\nrecords  {}  (default{there})\n", store.display(), records.display())
    };
    assert_eq!(String::from_utf8(path.stdout).unwrap(), expected("; not there yet"));
    assert!(below(&home).is_empty(), "to ask makes nothing");
    let output = at_home(folder.path()).output().unwrap();
    assert_eq!(stderr(&output), "CacheProg used.\n");
    assert!(below(&folder.path().join("work")).is_empty());
    let path = at_home(folder.path()).arg("path").output().unwrap();
    assert_eq!(String::from_utf8(path.stdout).unwrap(), expected(""));
    assert!(store.join("index").exists() && records.join("trace.json").exists());
}

#[test]
#[cfg(target_os = "linux")]
fn folders_are_where_the_user_keeps_such_things_or_is_at_work() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let lines = |variables: &[(&str, &str)], arguments: &[&str]| {
        let output =
            at_home(folder.path()).arg("path").args(arguments).envs(variables.iter().copied()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let path = |line: &str| line.split_whitespace().nth(1).unwrap().to_owned();
        let lines: Vec<String> = text.lines().map(path).collect();
        <[String; 2]>::try_from(lines).unwrap()
    };
    let home = [path("home/.cache/cacheprog"), path("home/.local/state/cacheprog")];
    let here = [path("work/.cache"), path("work/metrics")];
    let (cache, state) = (path("cache"), path("state"));
    let xdg = [("XDG_CACHE_HOME", cache.as_str()), ("XDG_STATE_HOME", state.as_str())];
    assert_eq!(lines(&xdg, &[]), [path("cache/cacheprog"), path("state/cacheprog")]);
    assert_eq!(lines(&[("XDG_CACHE_HOME", "relative"), ("XDG_STATE_HOME", "")], &[]), home);
    for variables in [("CACHEPROG_HERE", "1"), ("CACHEPROG_STRATEGY", "Workshop")] {
        assert_eq!(lines(&[variables], &[]), here, "{variables:?}");
    }
    assert_eq!(lines(&[("CACHEPROG_STRATEGY", "workshop")], &["--here=false"]), home);
    assert_eq!(lines(&[("CACHEPROG_STRATEGY", "workshop"), ("CACHEPROG_HERE", "0")], &[]), home);
    assert_eq!(lines(&[("CACHEPROG_HERE", "1")], &["--cache-dir", "/given"]), ["/given".to_owned(), here[1].clone()]);
    assert_eq!(lines(&[("CACHEPROG_METRICS", "/given")], &[]), [home[0].clone(), "/given".to_owned()]);
}

#[test]
fn without_a_usable_home_all_builds_share_a_folder_below_the_temporary_one() {
    for home in ["/nonexistent", "/dev/null", "relative"] {
        let folder = tempfile::tempdir().unwrap();
        let tmp = folder.path().join("tmp");
        let start = || {
            let mut command = at_home(folder.path());
            command.env("HOME", home);
            Backend::start_command(command)
        };
        let mut first = start();
        let stored = first.put(1, 1, b"body")["DiskPath"].as_str().unwrap().to_owned();
        let (code, _, text) = first.end();
        assert_eq!((code, text.lines().count()), (Some(0), 2), "{text}");
        assert!(text.contains("--cache-dir or CACHEPROG_CACHE_DIR") && text.contains("HOME"), "{text}");
        let own = below(&tmp);
        assert_eq!(own.len(), 1, "{own:?}");
        assert!(stored.starts_with(own[0].join("store").to_str().unwrap()), "{stored}");
        let mut second = start();
        assert_eq!(second.get(1, 1)["DiskPath"], stored);
        second.end();
        assert_eq!(sessions(&own[0].join("records")).len(), 2);
        assert!(below(&folder.path().join("work")).is_empty());
    }
}

#[test]
fn a_temporary_folder_that_is_not_safe_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = at_home(folder.path());
    command.env("HOME", "/nonexistent");
    let uid = nix::unistd::geteuid().as_raw();
    let foreign = folder.path().join(format!("tmp/cacheprog-{uid}"));
    std::fs::write(&foreign, "not a folder").unwrap();
    let mut backend = Backend::start_command(command);
    let stored = backend.put(1, 1, b"body")["DiskPath"].as_str().unwrap().to_owned();
    assert_eq!(std::fs::read(&stored).unwrap(), b"body");
    let (code, _, text) = backend.end();
    assert_eq!((code, text.lines().count()), (Some(0), 2), "{text}");
    assert!(text.contains("is not a folder") && text.contains("--cache-dir"), "{text}");
    let path = at_home(folder.path()).env("HOME", "/nonexistent").arg("path").output().unwrap();
    let text = String::from_utf8(path.stdout).unwrap();
    assert!(path.status.success() && text.starts_with("store    none: HOME (/nonexistent) is no folder"), "{text}");
}

#[test]
fn records_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("home/records");
    let session = |flags: &[&str]| {
        let output =
            at_home(folder.path()).args(["--metrics", records.to_str().unwrap()]).args(flags).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        sessions(&records)
    };
    session(&[]);
    let two = session(&[]);
    let left = session(&["--keep-sessions", "2"]);
    assert_eq!((left.len(), &left[0]), (2, &two[1]), "the oldest goes");
    assert_eq!(session(&["--keep-sessions=0"]).len(), 3);
    let marker = std::fs::File::open(records.join("sessions/.cacheprog-sessions")).unwrap();
    marker.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(3600)).unwrap();
    assert_eq!(session(&["--keep-records", "1"]).len(), 1, "the newest stays");
    assert!(records.join("trace.json").exists());
}

#[test]
fn records_in_a_repository_hide_none_of_its_files_from_git() {
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).current_dir(folder.path().join("work")).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let mut command = at_home(folder.path());
    git(&["init", "-q"]);
    std::fs::write(folder.path().join("work/new.go"), "package p\n").unwrap();
    command.env("CACHEPROG_METRICS", ".").env("CACHEPROG_CACHE_DIR", "store");
    assert!(command.output().unwrap().status.success());
    assert_eq!(sessions(&folder.path().join("work")).len(), 1);
    assert_eq!(git(&["status", "--porcelain"]), "?? new.go\n");
}

#[test]
fn here_a_folder_of_the_users_in_a_repository_has_the_plain_names_too() {
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path().join("work");
    std::fs::create_dir_all(work.join(".git")).unwrap();
    std::fs::create_dir_all(work.join("metrics/pprof")).unwrap();
    std::fs::write(work.join(".gitignore"), "/metrics\n").unwrap();
    let mut command = at_home(folder.path());
    command.arg("--here");
    let mut backend = Backend::start_command(command);
    backend.put(1, 1, b"body");
    backend.end();
    assert!(work.join("metrics/pprof/fg.prof").is_file() && work.join("metrics/trace.json").is_file());
    assert!(!work.join("metrics/.gitignore").exists(), "the folder is the user's");
}
