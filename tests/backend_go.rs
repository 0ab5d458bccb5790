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
    the_default_folders_change_nothing_that_go_sees(&workspace);
}

/// Takes the store of `workspace`, in which all that a test needs is compiled.
fn the_default_folders_change_nothing_that_go_sees(workspace: &Workspace) {
    let (home, package) = (workspace.path().join("home"), workspace.module().join("embeds"));
    std::fs::create_dir_all(home.join(".cache")).unwrap();
    std::fs::rename(workspace.store(), home.join(".cache/cacheprog")).unwrap();
    let main = "package main\n\nimport \"embed\"\n\n//go:embed all:*\nvar files embed.FS\n\nfunc main() { files.Open(\".\") }\n";
    common::write(&package.join("main.go"), main);
    let test =
        "package main\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestFolder(t *testing.T) { os.ReadDir(\".\") }\n";
    common::write(&package.join("main_test.go"), test);
    let run = |arguments: &[&str]| {
        let mut go = workspace.go("", arguments);
        go.env("GOCACHEPROG", common::CACHEPROG).env("HOME", &home).current_dir(&package);
        go.env_remove("XDG_CACHE_HOME").env_remove("XDG_STATE_HOME");
        let output = go.output().unwrap();
        assert!(output.status.success(), "go {arguments:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["test", "."]);
    let again = run(&["test", "."]);
    assert!(again.contains("(cached)"), "a test that reads its own folder: {again}");
    let programs = ["one", "two"].map(|name| {
        let program = workspace.path().join(name);
        run(&["build", "-o", program.to_str().unwrap(), "."]);
        std::fs::read(program).unwrap()
    });
    assert!(programs[0] == programs[1], "a program that embeds its own folder");
    assert_eq!(std::fs::read_dir(&package).unwrap().count(), 2);
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
    let sessions = common::sessions(&workspace.path().join("metrics"));
    let sessions: Vec<_> = sessions.iter().map(|session| common::read_session(session)).collect();
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
    let folder = common::sessions(&workspace.path().join("metrics")).remove(0);
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
