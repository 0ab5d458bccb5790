//! Real go commands through the backend, over local disk.

mod common;

use common::{Workspace, stderr};
use std::process::Stdio;

#[test]
fn build_vet_test_list_and_run_work_and_hit_the_second_time() {
    let workspace = Workspace::new().with_test();
    for arguments in
        [&["build", "-o", "../m", "."][..], &["vet", "./..."], &["test", "./..."], &["list", "-export", "./..."]]
    {
        workspace.run("", arguments);
        let first = workspace.last_session();
        assert!(stderr(&workspace.run("", arguments)).contains("CacheProg used."));
        let again = workspace.last_session();
        assert_ne!(first["pid"], again["pid"]);
        assert_eq!(again["puts"], 0, "go {arguments:?}: {again}");
        assert!(again["hits_local"].as_u64().unwrap() > 0, "go {arguments:?}: {again}");
    }
    let ran = workspace.run("--quiet", &["run", "."]);
    assert_eq!(stderr(&ran), "42\n");
    let listed = workspace.run("", &["list", "-export", "-f", "{{.Export}}", "./b"]);
    let export = String::from_utf8(listed.stdout).unwrap();
    assert!(std::path::Path::new(export.trim()).is_file(), "what go list names outlives the backend: {export}");
}

#[test]
fn two_builds_at_once_share_one_folder() {
    let workspace = Workspace::new();
    let builds = ["../one", "../two"].map(|name| {
        workspace.go("", &["build", "-o", name, "."]).stderr(Stdio::piped()).spawn().expect("go can be started")
    });
    for build in builds {
        let output = build.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    }
    let sessions = std::fs::read_dir(workspace.path().join("metrics/sessions")).unwrap();
    let sessions: Vec<_> = sessions.map(|entry| common::read_session(&entry.unwrap().path())).collect();
    let start = |n: usize| sessions[n]["start_unix_ns"].as_u64().unwrap();
    let end = |n: usize| start(n) + sessions[n]["wall_ns"].as_u64().unwrap();
    assert!(start(0) < end(1) && start(1) < end(0), "the two ran at once");
    let [one, two] = ["one", "two"].map(|name| std::fs::read(workspace.path().join(name)).unwrap());
    assert!(one == two, "both builds gave the same program");
    workspace.run("", &["build", "-o", "../one", "."]);
    assert_eq!(workspace.last_session()["puts"], 0);
}

#[test]
fn a_killed_backend_fails_its_build_and_harms_no_later_one() {
    let workspace = Workspace::new();
    let mut build = workspace.go("", &["build", "-o", "../m", "."]).stderr(Stdio::piped()).spawn().unwrap();
    let store = workspace.store();
    common::wait_until("first outputs", || std::fs::read_dir(&store).is_ok_and(|files| files.count() > 12));
    let folder = std::fs::read_dir(workspace.path().join("metrics/sessions")).unwrap().next().unwrap().unwrap().path();
    let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
    let pid: i32 = name.rsplit_once('-').unwrap().1.parse().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::SIGKILL).unwrap();
    assert!(!build.wait().unwrap().success(), "go cannot go on without its cache");
    let output = workspace.run("", &["run", "."]);
    assert!(stderr(&output).contains("42\n"), "{}", stderr(&output));
    let verify =
        std::process::Command::new(common::CACHEPROG).args(["verify", "--cache-dir"]).arg(&store).output().unwrap();
    assert!(verify.status.success(), "{}", String::from_utf8_lossy(&verify.stdout));
}

#[test]
fn missing_and_cut_bodies_are_misses_and_heal() {
    let workspace = Workspace::new();
    workspace.run("", &["build", "-o", "../m", "."]);
    let bodies = || {
        let files = std::fs::read_dir(workspace.store()).unwrap().map(|entry| entry.unwrap());
        files
            .filter(|file| file.file_name().to_string_lossy().ends_with("-d"))
            .map(|file| file.path())
            .collect::<Vec<_>>()
    };
    let before = bodies();
    for (n, path) in before.iter().enumerate() {
        match n % 3 {
            0 => std::fs::remove_file(path).unwrap(),
            1 => std::fs::write(path, "cut").unwrap(),
            _ => {}
        }
    }
    workspace.run("", &["build", "-o", "../m", "."]);
    workspace.run("", &["build", "-o", "../m", "."]);
    assert_eq!(workspace.last_session()["puts"], 0, "all is healed");
}
