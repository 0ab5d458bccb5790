//! Tests of the rules on the folder of a store.

use super::*;
use std::os::unix::fs::symlink;

fn names(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_missing_or_empty_folder_becomes_a_store_with_its_marks() {
    let parent = tempfile::tempdir().unwrap();
    std::fs::create_dir(parent.path().join("empty")).unwrap();
    for name in ["missing/and below", "empty"] {
        let folder = parent.path().join(name);
        assert_eq!(resolve(&folder), folder);
        assert!(!is_store(&folder));
        make(&folder).unwrap();
        make(&folder).unwrap();
        assert!(is_store(&folder));
        assert_eq!(resolve(&folder), folder);
        assert_eq!(names(&folder), [GIT_IGNORE, TAG, MARKER, TEMPORARY_FOLDER]);
        let tag = std::fs::read_to_string(folder.join(TAG)).unwrap();
        assert_eq!(tag.lines().next(), Some("Signature: 8a477f597d28d172789f06886806bc55"));
        assert_eq!(std::fs::read_to_string(folder.join(GIT_IGNORE)).unwrap(), "*\n");
    }
}

#[test]
fn a_folder_of_others_gets_a_subfolder() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("tmp")).unwrap();
    std::fs::write(home.path().join("tmp/other.db"), "mine").unwrap();
    let store = home.path().join(SUBFOLDER);
    assert_eq!(resolve(home.path()), store);
    assert_eq!(names(home.path()), ["tmp"], "asking makes nothing");
    assert!(make(home.path()).is_err());
    make(&store).unwrap();
    assert_eq!(names(home.path()), [SUBFOLDER, "tmp"]);
    assert_eq!((resolve(home.path()), resolve(&store)), (store.clone(), store));
}

#[test]
fn a_subfolder_of_others_gets_another() {
    let home = tempfile::tempdir().unwrap();
    let checkout = home.path().join(SUBFOLDER);
    std::fs::create_dir(&checkout).unwrap();
    std::fs::write(checkout.join("main.go"), "mine").unwrap();
    assert_eq!(resolve(home.path()), checkout.join(SUBFOLDER));
    std::fs::write(checkout.join(SUBFOLDER), "the program").unwrap();
    assert!(make(&resolve(home.path())).is_err(), "a file has its place");
}

#[test]
fn a_store_of_an_older_version_gets_the_marks() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(INDEX_FILE), "gcp1 and more").unwrap();
    make(folder.path()).unwrap();
    assert_eq!(names(folder.path()), [TAG, MARKER, INDEX_FILE, TEMPORARY_FOLDER]);
}

#[test]
fn a_store_of_an_older_version_in_a_folder_of_the_users_stays_in_his_backups() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(INDEX_FILE), "gcp1 and more").unwrap();
    std::fs::write(folder.path().join("main.go"), "mine").unwrap();
    assert_eq!(resolve(folder.path()), folder.path());
    make(folder.path()).unwrap();
    make(folder.path()).unwrap();
    assert_eq!(names(folder.path()), [MARKER, INDEX_FILE, "main.go", TEMPORARY_FOLDER]);
    let text = std::fs::read_to_string(folder.path().join(MARKER)).unwrap();
    assert!(text.contains("has other files too") && !text.contains("removed"), "{text}");
    std::fs::write(folder.path().join(INDEX_FILE), "damaged").unwrap();
    assert!(is_store(folder.path()), "by its marker");
}

#[test]
fn a_store_in_which_an_older_version_put_nothing_is_one() {
    let folder = tempfile::tempdir().unwrap();
    for name in [INDEX_FILE, CHANGES_LOCK, GIT_IGNORE] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    assert!(is_store(folder.path()));
    std::fs::write(folder.path().join("main.go"), "mine").unwrap();
    assert!(!is_store(folder.path()));
}

#[test]
fn other_files_of_the_markers_name_mark_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(MARKER);
    for text in ["another program's", "\u{7f}ELF\0\0", "This folder is mine"] {
        std::fs::write(&path, text).unwrap();
        assert!(!is_store(folder.path()), "{text}");
    }
    std::fs::write(&path, "").unwrap();
    assert!(is_store(folder.path()), "another session is about to write it");
    std::fs::remove_file(&path).unwrap();
    std::fs::write(folder.path().join("text"), MARKER_TEXT).unwrap();
    symlink("text", &path).unwrap();
    assert!(!is_store(folder.path()), "a link");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(!is_store(folder.path()), "a folder");
}

#[test]
fn other_indexes_mark_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["DIRC\0\0\0\u{2}", "<html>", "gcp"] {
        std::fs::write(folder.path().join(INDEX_FILE), text).unwrap();
        assert!(!is_store(folder.path()), "{text}");
    }
}

#[test]
fn a_file_is_no_folder_and_makes_no_store() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    assert_eq!(resolve(&file), file);
    assert!(!is_store(&file) && make(&file).is_err() && make(&file.join("below")).is_err());
    assert_eq!(std::fs::read_to_string(file).unwrap(), "mine");
}

#[test]
fn sessions_that_begin_together_agree() {
    for _ in 0..50 {
        let parent = tempfile::tempdir().unwrap();
        let wanted = parent.path().join("store");
        std::thread::scope(|scope| {
            let begin = || {
                let folder = resolve(&wanted);
                make(&folder).unwrap();
                try_write(&folder).unwrap();
                folder
            };
            let sessions = [(); 4].map(|()| scope.spawn(begin));
            sessions.into_iter().for_each(|session| assert_eq!(session.join().unwrap(), wanted));
        });
    }
}

#[test]
fn only_stale_temporary_files_of_our_name_form_leave() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path()).unwrap();
    let temporary = folder.path().join(TEMPORARY_FOLDER);
    let ours = ["12-0123456789abcdef", "index-1-00000000deadbeef", "unsent-7-0123456789abcdef"];
    let theirs = [
        "other.db",
        "12-0123456789ABCDEF",
        "12-0123456789abcde",
        "-0123456789abcdef",
        "a1-0123456789abcdef",
        "x-12-0123456789abcdef",
        "index--0123456789abcdef",
        ".tmpAbCdEf",
    ];
    for name in ours.iter().chain(&theirs) {
        std::fs::write(temporary.join(name), "").unwrap();
    }
    std::fs::create_dir(temporary.join("13-0123456789abcdef")).unwrap();
    symlink("other.db", temporary.join("14-0123456789abcdef")).unwrap();
    let before = names(&temporary);
    remove_stale(folder.path());
    assert_eq!(names(&temporary), before, "they are young");
    for path in ours.iter().chain(&theirs).map(|name| temporary.join(name)) {
        let long_ago = std::time::SystemTime::now() - 2 * STALE_AFTER;
        File::open(path).unwrap().set_modified(long_ago).unwrap();
    }
    remove_stale(folder.path());
    assert_eq!(names(&temporary), before.into_iter().filter(|name| !ours.contains(&name.as_str())).collect::<Vec<_>>());
}

#[test]
fn nothing_leaves_through_a_link_or_from_a_folder_without_the_marker() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let name = "12-0123456789abcdef";
    let path = elsewhere.path().join(name);
    std::fs::write(&path, "").unwrap();
    File::open(&path).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    make(folder.path()).unwrap();
    std::fs::remove_dir(folder.path().join(TEMPORARY_FOLDER)).unwrap();
    symlink(elsewhere.path(), folder.path().join(TEMPORARY_FOLDER)).unwrap();
    remove_stale(folder.path());
    assert!(path.exists(), "through a link");
    let other = tempfile::tempdir().unwrap();
    std::fs::create_dir(other.path().join(TEMPORARY_FOLDER)).unwrap();
    let stays = other.path().join(TEMPORARY_FOLDER).join(name);
    std::fs::rename(&path, &stays).unwrap();
    remove_stale(other.path());
    assert!(stays.exists(), "no store");
}
