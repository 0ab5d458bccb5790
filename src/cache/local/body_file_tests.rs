//! Tests of a body on its way into the store.

use super::*;
use crate::cache::local::folder::names::{TEMPORARY_FOLDER, data_file_output};

fn output_of(body: &[u8]) -> OutputId {
    OutputId::new(ring::digest::digest(&SHA256, body).as_ref().try_into().unwrap())
}

fn files_below(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|name| data_file_output(name.as_ref()).is_some())
        .collect();
    names.extend(std::fs::read_dir(folder.join(TEMPORARY_FOLDER)).into_iter().flatten().map(|_| "left".into()));
    names
}

fn with_spare(folder: &Path, spare: &Path) -> BodyFile {
    BodyFile::create(folder.into(), Some(Arc::new(Spare::at(spare))))
}

#[test]
fn a_checked_body_gets_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut body = BodyFile::create(folder.path().into(), None);
    body.write(b"he");
    body.write(b"llo");
    let path = body.commit(&output_of(b"hello"), 5, |_| ()).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"hello");
    assert_eq!(path.extension(), None);
    assert_eq!(files_below(folder.path()).len(), 1);
}

#[test]
fn wrong_content_and_a_dropped_body_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut body = BodyFile::create(folder.path().into(), None);
    body.write(b"hellO");
    let error = body.commit(&output_of(b"hello"), 5, |_| ()).unwrap_err();
    assert!(matches!(error, CommitError::WrongContent { got_bytes: 5, .. }), "{error}");
    BodyFile::create(folder.path().into(), None).write(b"half");
    assert_eq!(files_below(folder.path()), Vec::<String>::new());
}

#[test]
fn a_folder_that_cannot_be_written_is_left_for_the_spare() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("file");
    std::fs::write(&blocked, "").unwrap();
    let good = folder.path().join("good");
    let mut body = with_spare(&blocked, &good);
    body.write(b"hello");
    assert_eq!(body.commit(&output_of(b"hello"), 5, |_| ()).unwrap().parent().unwrap(), good);
    let error = BodyFile::create(blocked, None).commit(&output_of(b""), 0, |_| ()).unwrap_err();
    assert!(matches!(error, CommitError::Disk { .. }), "{error}");
}

#[test]
fn a_store_that_is_removed_while_a_body_comes_in_is_made_again() {
    let parent = tempfile::tempdir().unwrap();
    let (store, other) = (parent.path().join("store"), parent.path().join("other"));
    let mut body = with_spare(&store, &other);
    body.write(b"hello");
    std::fs::remove_dir_all(&store).unwrap();
    let path = body.commit(&output_of(b"hello"), 5, |_| ()).unwrap();
    assert!(path.starts_with(&store) && store_folder::is_store(&store) && !other.exists());
    assert_eq!(std::fs::read(path).unwrap(), b"hello");
    let mut body = with_spare(&store, &other);
    body.write(b"hello");
    std::fs::remove_dir_all(&store).unwrap();
    std::fs::write(&store, "a file in its place").unwrap();
    assert!(body.commit(&output_of(b"hello"), 5, |_| ()).unwrap().starts_with(&other));
}

#[test]
fn a_disk_that_fills_up_in_the_middle_is_left_with_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let (full, good) = (folder.path().join("full"), folder.path().join("good"));
    let mut body = with_spare(&full, &good);
    body.write(b"hel");
    // A file that is open for reading only fails each write, as a full disk does.
    body.file = Some(File::open(&body.temporary).unwrap());
    body.write(b"lo");
    let path = body.commit(&output_of(b"hello"), 5, |_| ()).unwrap();
    assert_eq!(path.parent().unwrap(), good);
    assert_eq!(std::fs::read(path).unwrap(), b"hello");
    assert_eq!(files_below(&full), Vec::<String>::new());
}
