//! Real builds under faults: whatever the remote or the disk does, a build gives what one without a cache gives.

mod common;

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::ValueEnum;
use common::{CACHEPROG, LIST, S3, Workspace, compiled, stderr};
use gocacheprog::s3_server::{Fault, FaultKind, Place};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

const BUILD: [&str; 4] = ["build", "-o", "../m", "."];

fn assert_whole(store: &Path, name: &str) {
    let verified = Command::new(CACHEPROG).args(["verify", "--cache-dir"]).arg(store).output().unwrap();
    assert!(verified.status.success(), "{name}: {}", String::from_utf8_lossy(&verified.stdout));
}

/// Compiles, compares with `expected`, and checks the store.
fn compile(workspace: &Workspace, arguments: &str, expected: &[u8], name: &str) {
    let (compiled, text) = workspace.compile(&mut workspace.go(arguments, &LIST));
    assert!(compiled == expected, "{name}: something else was compiled; {text}");
    assert_whole(&workspace.store(), name);
}

/// What go alone compiles.
fn compiled_without_cache(workspace: &Workspace) -> Vec<u8> {
    workspace.compile(workspace.go("", &LIST).env_remove("GOCACHEPROG")).0
}

/// A change of the sources that changes a package and the one that imports it.
fn edit(workspace: &Workspace, number: u64) {
    let text = format!("package p2\n\nfunc F() int {{ return {number} }}\n");
    std::fs::write(workspace.module().join("p2/p.go"), text).unwrap();
}

#[test]
fn no_fault_of_the_remote_changes_what_is_compiled() {
    let s3 = S3::start();
    let mut workspace = Workspace::of_libraries();
    s3.use_in(&mut workspace);
    let expected = compiled_without_cache(&workspace);
    workspace.set("S3_PREFIX", "full/");
    assert!(workspace.compile(&mut workspace.go("", &LIST)).0 == expected);
    for kind in FaultKind::value_variants() {
        let (name, prefix) = (format!("{kind:?}"), format!("{kind:?}/"));
        let place = |prefix: &str| Place { bucket: "cache".to_owned(), prefix: prefix.to_owned() };
        s3.server.copy(&place("full/"), &place(&prefix)).unwrap();
        workspace.set("S3_PREFIX", &prefix);
        std::fs::remove_dir_all(workspace.store()).unwrap();
        s3.server.set_faults(vec![Fault { kind: *kind, share: 1.0 }], 0);
        let (compiled, text) = workspace.compile(&mut workspace.go("--drain-deadline 5", &LIST));
        s3.server.set_faults(Vec::new(), 0);
        assert!(compiled == expected, "{name}: {text}");
        let said = text.lines().filter(|line| line.starts_with("cacheprog:")).count();
        assert!(said <= 2, "{name}: one line on the remote, one on what is not out: {text}");
        assert!(!text.contains(&s3.credentials.secret_access_key), "{text}");
        let session = workspace.last_session();
        assert_whole(&workspace.store(), &name);
        if matches!(kind, FaultKind::ReadOnly | FaultKind::NoDelete) {
            assert_eq!((&session["misses"], &session["remote_errors"]), (&0.into(), &0.into()), "{name}: it may read");
            continue;
        }
        assert!(session["misses"].as_u64().unwrap() > 20, "{name}: {session}");
        // Another byte in a listing may name another key: then there is nothing, and no error.
        let is_seen = *kind == FaultKind::Corrupt || session["remote_errors"].as_u64().unwrap() > 0;
        assert!(is_seen, "{name}: {session}");
    }
}

#[test]
fn builds_under_random_faults_are_those_without_a_cache() {
    const ROUNDS: u64 = 12;
    let s3 = S3::start();
    let mut workspace = Workspace::of_libraries();
    s3.use_in(&mut workspace);
    let rare = |kind| matches!(kind, FaultKind::Silence | FaultKind::Stall);
    // Each silence takes seconds.
    let fault = |kind: &FaultKind| Fault { kind: *kind, share: if rare(*kind) { 0.002 } else { 0.03 } };
    let faults: Vec<Fault> = FaultKind::value_variants().iter().map(fault).collect();
    for round in 0..ROUNDS {
        let strategy = ["pack", "async", "pack", "workshop"][round as usize % 4];
        let name = format!("seed {round}, {strategy}");
        edit(&workspace, 42 + round / 2);
        s3.server.set_faults(faults.clone(), round);
        let expected = compiled_without_cache(&workspace);
        compile(&workspace, &format!("--drain-deadline 5 --strategy {strategy}"), &expected, &name);
        if round % 3 != 2 {
            std::fs::remove_dir_all(workspace.store()).unwrap();
        }
    }
    let _ = std::fs::remove_dir_all(workspace.store());
    s3.server.set_faults(Vec::new(), 0);
    let expected = compiled_without_cache(&workspace);
    for strategy in ["pack", "workshop"] {
        compile(&workspace, &format!("--strategy {strategy}"), &expected, "afterwards");
        std::fs::remove_dir_all(workspace.store()).unwrap();
    }
}

#[test]
fn credentials_that_expire_in_the_middle_are_named_and_cost_hits() {
    let s3 = S3::start();
    let mut workspace = Workspace::of_libraries();
    s3.use_in(&mut workspace);
    let expected = compiled_without_cache(&workspace);
    let mut go = workspace.go("--strategy async --drain-deadline 5", &LIST);
    let build = go.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    common::wait_until("twenty requests", || s3.server.mark() >= 20);
    s3.server.set_faults(vec![Fault { kind: FaultKind::ExpiredToken, share: 1.0 }], 0);
    let (compiled, text) = compiled(&build.wait_with_output().unwrap());
    assert!(text.contains("ExpiredToken"), "{text}");
    assert!(compiled == expected, "something else was compiled");
    assert!(workspace.last_session()["uploads_left"].as_u64().unwrap() > 0);
}

#[test]
fn a_store_on_a_full_disk_fails_no_build() {
    let s3 = S3::start();
    let mut workspace = Workspace::new();
    s3.use_in(&mut workspace);
    // It is taken away, because go does not build what is up to date.
    let program = || {
        let path = workspace.path().join("m");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        bytes
    };
    let alone = workspace.go("", &BUILD).env_remove("GOCACHEPROG").output().unwrap();
    assert!(alone.status.success(), "{}", stderr(&alone));
    let expected = program();
    workspace.run("", &BUILD);
    assert!(program() == expected, "filling the remote");
    std::fs::remove_dir_all(workspace.store()).unwrap();
    std::fs::create_dir(workspace.store()).unwrap();
    // A disk of its own that only this build sees, a fourth of what it would need.
    let script =
        "mount -t tmpfs -o size=6m small \"$STORE\" && shift && \"$@\" && \"$CACHEPROG\" verify --cache-dir \"$STORE\"";
    let go = workspace.go("", &BUILD);
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", script, "sh", "--"]).arg(go.get_program()).args(go.get_args());
    command.envs(go.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("STORE", workspace.store()).env("CACHEPROG", CACHEPROG).current_dir(workspace.module());
    if !may_mount() {
        println!("not tried: this machine lets nobody mount a disk of his own");
        return;
    }
    let output = command.output().unwrap();
    let text = stderr(&output);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stdout));
    assert!(text.contains("nothing more is fetched by this build"), "{text}");
    assert!(program() == expected, "another program; {text}");
}

fn may_mount() -> bool {
    let tried = Command::new("unshare").args(["-rm", "sh", "-c", "mount -t tmpfs -o size=1m small /mnt"]).output();
    tried.is_ok_and(|output| output.status.success())
}

#[test]
fn a_kill_at_any_moment_harms_no_later_build() {
    const ROUNDS: u64 = 8;
    let s3 = S3::start();
    let mut workspace = Workspace::of_libraries();
    s3.use_in(&mut workspace);
    let expected = compiled_without_cache(&workspace);
    let mut random = fastrand::Rng::with_seed(1);
    for round in 0..ROUNDS {
        let mut go = workspace.go("", &LIST);
        let mut go = go.process_group(0).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(random.u64(20..1000)));
        // go, the compilers and the backend at once, as when a runner is taken away.
        let _ = killpg(Pid::from_raw(go.id() as i32), Signal::SIGKILL);
        go.wait().unwrap();
        if round % 2 == 1 {
            compile(&workspace, "", &expected, &format!("after kill {round}"));
            std::fs::remove_dir_all(workspace.store()).unwrap();
        }
    }
    // What reached the bucket is good as well.
    compile(&workspace, "", &expected, "a fresh machine");
}
