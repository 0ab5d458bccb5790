use super::*;

fn builds(folder: &Path) -> CommitBuilds {
    let own = folder.join("target/debug");
    std::fs::create_dir_all(own.join(".fingerprint/serde-1")).unwrap();
    std::fs::create_dir_all(own.join(".fingerprint/cacheprog-1")).unwrap();
    std::fs::create_dir_all(own.join(".fingerprint/gocacheprog-1")).unwrap();
    std::fs::create_dir_all(own.join("build/ring-1/out")).unwrap();
    std::fs::create_dir_all(own.join("deps")).unwrap();
    for name in [
        "libserde-1.rlib",
        "serde-1.d",
        "libgocacheprog-1.rlib",
        "gocacheprog-1.d",
        "libbench-1.rlib",
        "bench-1.d",
        "bench-1",
        "backend_go-1",
    ] {
        std::fs::write(own.join("deps").join(name), "").unwrap();
    }
    CommitBuilds::new(Repository { root: folder.to_owned() }, &own.join("bench")).unwrap()
}

#[test]
fn only_the_dependencies_are_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let builds = builds(folder.path());
    std::fs::create_dir_all(&builds.folder).unwrap();
    builds.take_dependencies().unwrap();
    let names = |part: &str| {
        let entries = std::fs::read_dir(folder.path().join("target/compare/debug").join(part)).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names("deps"), ["libserde-1.rlib", "serde-1.d"]);
    assert_eq!((names(".fingerprint"), names("build")), (vec!["serde-1".to_owned()], vec!["ring-1".to_owned()]));
    builds.take_dependencies().unwrap();
}

fn commit() -> Commit {
    Commit { hash: "0123456789".to_owned(), name: "HEAD 0123456".to_owned() }
}

#[test]
fn what_was_built_is_found_with_and_without_a_target_and_old_files_are_not_taken_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let builds = builds(folder.path());
    let executable = builds.executable(&commit());
    std::fs::create_dir_all(executable.parent().unwrap()).unwrap();
    assert!(builds.keep(&executable, &commit()).unwrap_err().to_string().contains("there is no bench below"));
    for below in ["debug", "x86_64-unknown-linux-gnu/debug"] {
        let path = builds.folder.join(below).join("bench");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, below).unwrap();
        assert_eq!(builds.built(), std::slice::from_ref(&path));
        builds.keep(&executable, &commit()).unwrap();
        assert_eq!(std::fs::read_to_string(&executable).unwrap(), below);
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn who_waits_for_another_build_says_so_can_be_interrupted_and_builds_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (builds, said) = (builds(folder.path()), std::cell::RefCell::new(Vec::new()));
    let say = |what: &str| said.borrow_mut().push(what.to_owned());
    std::fs::create_dir_all(&builds.folder).unwrap();
    let held = builds.lock(&Interrupt::default(), &say).unwrap();
    let interrupt = Interrupt::default();
    interrupt.request();
    builds.build(&commit(), &interrupt, &say).unwrap();
    assert_eq!(*said.borrow(), ["waiting for another bench, which builds a commit"]);
    drop(held);
    std::fs::write(builds.executable(&commit()), "").unwrap();
    builds.build(&commit(), &Interrupt::default(), &say).unwrap();
    assert_eq!(said.borrow().len(), 1, "it is there by now: {said:?}");
}

#[test]
fn commits_are_built_in_the_profile_of_the_running_bench() {
    let folder = tempfile::tempdir().unwrap();
    let of = |executable: &str| {
        let executable = folder.path().join(executable);
        std::fs::create_dir_all(executable.parent().unwrap().join(".fingerprint")).unwrap();
        CommitBuilds::new(Repository { root: folder.path().to_owned() }, &executable).unwrap()
    };
    let arguments = |builds: &CommitBuilds| builds.cargo(folder.path()).get_args().len();
    let features = FEATURES.map_or(0, |_| 2);
    let (dev, release) = (of("target/debug/bench"), of("target/release/bench"));
    let commit = commit();
    assert!(dev.executable(&commit) != release.executable(&commit), "one is no replacement for the other");
    assert_eq!(arguments(&dev), 3 + features);
    let release = of("elsewhere/release/bench");
    assert_eq!((arguments(&release), release.folder), (5 + features, folder.path().join("elsewhere/compare")));
    let copied = CommitBuilds::new(Repository { root: "/r".into() }, Path::new("/usr/bin/bench")).unwrap();
    assert_eq!((copied.folder, copied.profile.as_str()), (PathBuf::from("/r/target/compare"), "debug"));
}

#[test]
fn an_argument_that_a_bench_does_not_know_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bench");
    std::fs::write(&path, "#!/bin/sh\n[ \"$1\" = known ] || { echo 'error: unexpected --new' >&2; exit 2; }\n")
        .unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let check = |word: &str| check_arguments(&path, &[word.to_owned()], "HEAD~3 1a2b3c4");
    check("known").unwrap();
    let error = check("new").unwrap_err().to_string();
    assert!(
        error.starts_with("HEAD~3 1a2b3c4 does not know an argument") && error.contains("unexpected --new"),
        "{error}"
    );
}
