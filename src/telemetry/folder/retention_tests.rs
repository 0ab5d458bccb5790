use super::*;
use crate::telemetry::folder::session_folder::{SessionFolder, remove_ended_sessions};
use crate::telemetry::model::clock::Clock;

const ALL: Keep = Keep { sessions: None, bytes: None };

/// A folder of records with ended sessions of so many bytes each, the oldest first.
fn records_of(bytes: &[usize]) -> tempfile::TempDir {
    let records = tempfile::tempdir().unwrap();
    let folder = make_sessions_folder(records.path()).unwrap();
    for (index, bytes) in bytes.iter().enumerate() {
        add(&folder, &name(index), *bytes);
    }
    records
}

fn name(index: usize) -> String {
    format!("20260101T0000{index:02}.000Z-{}", 1000 + index)
}

fn add(folder: &Path, name: &str, bytes: usize) {
    let session = folder.join(name);
    std::fs::create_dir_all(session.join("pprof")).unwrap();
    std::fs::write(session.join(LOCK_FILE), "").unwrap();
    std::fs::write(session.join("pprof/fg.prof"), vec![0; bytes]).unwrap();
}

/// Numbers of the sessions that are left.
fn left(records: &Path) -> Vec<usize> {
    let names = folder_names(&find(records).unwrap(), is_session_name).unwrap();
    let mut left: Vec<usize> = (0..60).filter(|index| names.contains(&name(*index))).collect();
    left.sort_unstable();
    left
}

#[test]
fn the_oldest_go_when_there_are_too_many() {
    let records = records_of(&[10; 5]);
    let removed = remove_sessions(records.path(), Keep { sessions: Some(2), ..ALL }).unwrap();
    assert_eq!(removed, Removed { sessions: 3, bytes: 30 });
    assert_eq!(left(records.path()), [3, 4]);
    assert_eq!(remove_sessions(records.path(), ALL).unwrap(), Removed::default());
    remove_sessions(records.path(), Keep { sessions: Some(0), ..ALL }).unwrap();
    assert_eq!(left(records.path()), [0; 0]);
}

#[test]
fn the_oldest_go_when_they_are_too_large_and_the_newest_stays() {
    let records = records_of(&[10, 50, 40, 30]);
    remove_sessions(records.path(), Keep { bytes: Some(70), ..ALL }).unwrap();
    assert_eq!(left(records.path()), [2, 3]);
    remove_sessions(records.path(), Keep { sessions: Some(1), bytes: Some(1) }).unwrap();
    assert_eq!(left(records.path()), [3]);
}

#[test]
fn a_session_that_lives_stays() {
    let records = records_of(&[10; 3]);
    let lock = File::open(find(records.path()).unwrap().join(name(0)).join(LOCK_FILE)).unwrap();
    lock.try_lock().unwrap();
    remove_sessions(records.path(), Keep { sessions: Some(0), ..ALL }).unwrap();
    assert_eq!(left(records.path()), [0]);
}

#[test]
fn what_a_removal_left_behind_goes() {
    let records = records_of(&[10; 3]);
    let folder = find(records.path()).unwrap();
    std::fs::remove_file(folder.join(name(0)).join(LOCK_FILE)).unwrap();
    remove_sessions(records.path(), Keep { sessions: Some(1), ..ALL }).unwrap();
    assert_eq!(left(records.path()), [2]);
}

#[test]
fn what_a_killed_start_left_goes_when_it_is_old() {
    let records = records_of(&[10; 3]);
    let folder = find(records.path()).unwrap();
    let (old, fresh) = (SystemTime::now() - UNFINISHED_FOR, SystemTime::now());
    for (name, made) in [
        (".new-1-0123abcd", old),
        (".new-2-0123abcd", old),
        (".new-3-0123abcd", old),
        (".new-4-0123abcd", fresh),
        (".new-notes", old),
    ] {
        add(&folder, name, 1);
        File::open(folder.join(name)).unwrap().set_modified(made).unwrap();
    }
    std::fs::remove_file(folder.join(".new-2-0123abcd").join(LOCK_FILE)).unwrap();
    File::open(folder.join(".new-2-0123abcd")).unwrap().set_modified(old).unwrap();
    let living = File::open(folder.join(".new-3-0123abcd").join(LOCK_FILE)).unwrap();
    living.try_lock().unwrap();
    assert_eq!(remove_sessions(records.path(), ALL).unwrap(), Removed::default(), "they are no sessions");
    let mut left = folder_names(&folder, |name| name.starts_with(UNFINISHED)).unwrap();
    left.sort_unstable();
    assert_eq!(left, [".new-3-0123abcd", ".new-4-0123abcd", ".new-notes"]);
}

#[test]
fn only_folders_with_the_name_of_a_session_go() {
    let records = records_of(&[]);
    let folder = find(records.path()).unwrap();
    let others = ["notes", "20260101", "20260101T000000.000Z", "20260101T000000.000Z-1-2", "20261301T000000.000Z-1"];
    for name in others {
        add(&folder, name, 1);
    }
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("precious"), "").unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), folder.join(name(0))).unwrap();
    std::fs::write(folder.join(name(1)), "a file").unwrap();
    let before = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(remove_sessions(records.path(), Keep { sessions: Some(0), ..ALL }).unwrap(), Removed::default());
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), before);
    assert!(elsewhere.path().join("precious").exists());
    add(&folder, "20260101T000000.000Z-1-0123abcd", 1);
    assert_eq!(remove_sessions(records.path(), Keep { sessions: Some(0), ..ALL }).unwrap().sessions, 1);
}

#[test]
fn a_folder_without_the_marker_loses_nothing() {
    let records = tempfile::tempdir().unwrap();
    let users = records.path().join("sessions");
    add(&users, &name(0), 1);
    std::fs::write(users.join("notes"), "").unwrap();
    assert_eq!(remove_sessions(records.path(), Keep { sessions: Some(0), ..ALL }).unwrap(), Removed::default());
    let folder = make_sessions_folder(records.path()).unwrap();
    assert_eq!(folder, users.join("cacheprog"), "ours is a folder inside");
    add(&folder, &name(1), 1);
    assert_eq!(remove_sessions(records.path(), Keep { sessions: Some(0), ..ALL }).unwrap().sessions, 1);
    assert!(users.join(name(0)).exists());
}

#[test]
fn the_sessions_of_an_earlier_version_are_ours() {
    let records = tempfile::tempdir().unwrap();
    add(&records.path().join("sessions"), &name(0), 1);
    assert_eq!(make_sessions_folder(records.path()).unwrap(), records.path().join("sessions"));
    remove_sessions(records.path(), Keep { sessions: Some(0), ..ALL }).unwrap();
    assert_eq!(left(records.path()), [0; 0]);
}

#[test]
fn many_that_remove_at_once_leave_what_should_stay() {
    let folder = records_of(&[10; 40]);
    let records = folder.path();
    std::thread::scope(|scope| {
        for most in [5, 6, 7, 8] {
            let keep = Keep { sessions: Some(most), ..ALL };
            scope.spawn(move || remove_sessions(records, keep).unwrap());
        }
    });
    assert_eq!(left(records), [35, 36, 37, 38, 39]);
}

#[test]
fn sessions_that_start_at_once_in_a_new_folder_agree_on_it() {
    let records = tempfile::tempdir().unwrap();
    let below = records.path().join("new");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| SessionFolder::create_below(&below, &Clock::start()).unwrap());
        }
    });
    assert_eq!(folder_names(&below.join("sessions"), is_session_name).unwrap().len(), 8);
}

#[test]
fn the_plain_names_of_removed_sessions_go_too() {
    let records = tempfile::tempdir().unwrap();
    let old = SessionFolder::create_below(records.path(), &Clock::start()).unwrap();
    std::fs::write(old.file("pprof/cpu.svg"), "").unwrap();
    std::fs::write(old.file("trace.json"), "").unwrap();
    old.link_plain_names();
    drop(old);
    std::thread::sleep(std::time::Duration::from_millis(2));
    let new = SessionFolder::create_below(records.path(), &Clock::start()).unwrap();
    std::fs::write(new.file("trace.json"), "new").unwrap();
    std::os::unix::fs::symlink("sessions/gone", records.path().join("request.txt")).unwrap();
    new.link_plain_names();
    new.remove_old_sessions(Keep { sessions: Some(1), ..ALL });
    assert!(!records.path().join("pprof/cpu.svg").is_symlink());
    assert_eq!(std::fs::read_to_string(records.path().join("trace.json")).unwrap(), "new");
    assert!(records.path().join("request.txt").is_symlink(), "a link of the user's");
    let removed = || remove_ended_sessions(records.path()).unwrap().sessions;
    assert_eq!(removed(), 0, "it lives");
    drop(new);
    assert_eq!(removed(), 1);
    assert!(!records.path().join("trace.json").is_symlink());
}

#[test]
fn a_link_that_a_kill_left_is_in_no_other_sessions_way() {
    let records = tempfile::tempdir().unwrap();
    let start = || SessionFolder::create_below(records.path(), &Clock::start()).unwrap();
    let killed = start();
    std::os::unix::fs::symlink("nowhere", killed.file(".link")).unwrap();
    drop(killed);
    std::thread::sleep(std::time::Duration::from_millis(2));
    let next = start();
    std::fs::write(next.file("trace.json"), "next").unwrap();
    next.link_plain_names();
    assert_eq!(std::fs::read_to_string(records.path().join("trace.json")).unwrap(), "next");
    assert_eq!(std::fs::read_dir(records.path()).unwrap().count(), 2, "sessions and the name");
}

#[test]
fn git_sees_no_records_and_all_other_files() {
    let repository = tempfile::tempdir().unwrap();
    std::fs::create_dir(repository.path().join(".git")).unwrap();
    std::fs::write(repository.path().join("main.go"), "").unwrap();
    let is_hidden = |folder: &Path| std::fs::read_to_string(folder.join(".gitignore")).is_ok_and(|text| text == "*\n");
    for (records, is_ours) in [(repository.path().join("."), false), (repository.path().join("metrics"), true)] {
        let session = SessionFolder::create_below(&records, &Clock::start()).unwrap();
        std::fs::write(session.file("trace.json"), "").unwrap();
        session.link_plain_names();
        assert_eq!(is_hidden(&records), is_ours, "{}", records.display());
        assert_eq!(records.join("trace.json").is_symlink(), is_ours);
        assert_eq!(is_hidden(&records.join("sessions")), !is_ours, "once is enough");
    }
}

#[test]
fn records_that_were_removed_while_a_session_ended_are_ours_again() {
    let repository = tempfile::tempdir().unwrap();
    std::fs::create_dir(repository.path().join(".git")).unwrap();
    let records = repository.path().join("metrics");
    let session = SessionFolder::create_below(&records, &Clock::start()).unwrap();
    std::fs::remove_dir_all(&records).unwrap();
    std::fs::write(session.file("trace.json"), "").unwrap();
    session.link_plain_names();
    assert!(!records.join("trace.json").is_symlink());
    let next = SessionFolder::create_below(&records, &Clock::start()).unwrap();
    std::fs::write(next.file("trace.json"), "next").unwrap();
    next.link_plain_names();
    assert_eq!(std::fs::read_to_string(records.join("trace.json")).unwrap(), "next");
    assert!(!is_seen_by_git(&records));
}

#[test]
fn sizes_are_looked_at_once_a_minute() {
    let records = records_of(&[10; 3]);
    let keep = Keep { bytes: Some(1), ..ALL };
    assert_eq!(remove_old_sessions(records.path(), keep).unwrap(), Removed::default());
    let marker = File::open(find(records.path()).unwrap().join(MARKER)).unwrap();
    marker.set_modified(SystemTime::now() - SIZES_EVERY).unwrap();
    assert_eq!(remove_old_sessions(records.path(), keep).unwrap().sessions, 2);
    assert!(marker.metadata().unwrap().modified().unwrap().elapsed().unwrap() < SIZES_EVERY);
}
