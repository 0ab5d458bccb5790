use super::*;
use crate::cache::remote::s3_config::config::Route;

fn config() -> S3Config {
    S3Config {
        endpoint_url: "http://127.0.0.1:1".to_owned(),
        access_key_id: "the-id".to_owned(),
        secret_access_key: "the-secret".to_owned(),
        session_token: None,
        bucket: "cache".to_owned(),
        region: "us-east-1".to_owned(),
        prefix: String::new(),
        route: Route::default(),
    }
}

fn memory(folder: &Path) -> Memory {
    Memory::new(folder, &config())
}

/// Lets the last try be so many seconds ago.
fn earlier(memory: &Memory, seconds: i64) {
    let state = memory.read().unwrap();
    memory.write(&State { tried_s: state.tried_s - seconds, since_s: state.since_s - seconds, ..state });
}

#[test]
fn a_remote_that_is_off_is_known_to_the_next_session() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(memory(folder.path()).recall(), None);
    memory(folder.path()).note_off("no answer", true);
    let next = memory(folder.path());
    let state = next.recall().unwrap();
    assert_eq!((state.reason.as_str(), state.wait_s, next.turn()), ("no answer", FIRST_WAIT_SLOW_S, Turn::Wait));
    earlier(&next, 10);
    let state = next.recall().unwrap();
    assert!((10..12).contains(&state.age_s()) && (18..=20).contains(&state.next_try_in_s()), "{state:?}");
}

#[test]
fn one_session_tries_it_again_and_the_wait_grows_to_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let sessions: Vec<Memory> = (0..8).map(|_| memory(folder.path())).collect();
    sessions.iter().for_each(|session| session.note_off("no answer", true));
    assert_eq!(sessions[0].recall().unwrap().wait_s, 30, "eight sessions that find out together count once");
    for expected_s in [60, 120, 240, 480, 600, 600] {
        let before = sessions[0].recall().unwrap();
        earlier(&sessions[0], before.wait_s);
        sessions.iter().for_each(|session| drop(session.recall()));
        let turns: Vec<Turn> = std::thread::scope(|scope| {
            let threads: Vec<_> = sessions.iter().map(|session| scope.spawn(|| session.turn())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(turns.iter().filter(|turn| **turn == Turn::Try).count(), 1, "{turns:?}");
        sessions[0].note_still_off("refused", true);
        assert_eq!(sessions[1].recall().unwrap().wait_s, expected_s);
    }
}

#[test]
fn what_works_again_is_on_for_all_and_what_comes_and_goes_waits_longer() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (memory(folder.path()), memory(folder.path()));
    one.note_off("refused", false);
    assert_eq!(one.recall().unwrap().wait_s, FIRST_WAIT_FAST_S);
    earlier(&one, 5);
    two.recall().unwrap();
    assert_eq!((one.turn(), two.turn()), (Turn::Try, Turn::Wait));
    one.note_on();
    assert_eq!(two.recall(), None);
    two.look_at_s.store(0, Ordering::Relaxed);
    assert_eq!(two.turn(), Turn::Works);
    two.note_off("refused", false);
    assert_eq!(one.recall().unwrap().wait_s, 10);
    one.note_on();
    earlier(&one, FORGIVEN_AFTER_S + 1);
    two.note_off("refused", false);
    assert_eq!(one.recall().unwrap().wait_s, FIRST_WAIT_FAST_S, "an hour later it starts anew");
}

#[test]
fn a_session_that_dies_while_it_tries_excludes_no_other() {
    let folder = tempfile::tempdir().unwrap();
    memory(folder.path()).note_off("refused", false);
    let killed = memory(folder.path());
    earlier(&killed, 5);
    assert_eq!(killed.turn(), Turn::Try);
    let next = memory(folder.path());
    next.recall().unwrap();
    assert_eq!(next.turn(), Turn::Wait);
    earlier(&next, 5);
    assert_eq!(next.turn(), Turn::Try);
}

#[test]
fn damage_is_no_state() {
    let folder = tempfile::tempdir().unwrap();
    let memory = memory(folder.path());
    memory.note_off("no answer", true);
    let good = std::fs::read(folder.path().join(&memory.name)).unwrap();
    let changed = |from: &str, to: &str| String::from_utf8(good.clone()).unwrap().replace(from, to).into_bytes();
    for damaged in [
        Vec::new(),
        b"\xff\xfe{".to_vec(),
        good[..good.len() / 2].to_vec(),
        changed("\"wait_s\":30", "\"wait_s\":-5"),
        changed("\"wait_s\":30", "\"wait_s\":999999999999"),
        changed("no answer", "\\u001b[2J"),
    ] {
        std::fs::write(folder.path().join(&memory.name), &damaged).unwrap();
        assert_eq!(memory.recall(), None, "{}", String::from_utf8_lossy(&damaged));
        memory.note_off("no answer", true);
        assert!(memory.recall().is_some(), "it is written anew");
    }
    // A time in the future, as after a clock that was wrong.
    std::fs::write(folder.path().join(&memory.name), changed("\"tried_s\":", "\"tried_s\":9")).unwrap();
    let state = memory.recall().unwrap();
    assert_eq!((state.next_try_in_s(), memory.turn()), (0, Turn::Try));
    let state = memory.recall().unwrap();
    assert_eq!((state.next_try_in_s() <= 30, memory.turn()), (true, Turn::Wait), "the clock of this session counts");
}

#[test]
fn what_was_off_long_ago_is_removed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["remote-0123456789abcdef", "remote-0123456789abcdeX", "remote-fedcba9876543210"];
    let paths = names.map(|name| folder.path().join(name));
    for (path, days) in paths.iter().zip([8, 8, 6]) {
        let time = std::time::SystemTime::now() - std::time::Duration::from_secs(days * 24 * 3600);
        std::fs::File::create(path).unwrap().set_modified(time).unwrap();
    }
    memory(folder.path()).note_off("no answer", true);
    assert_eq!(paths.map(|path| path.exists()), [false, true, true]);
}

#[test]
fn a_folder_that_cannot_be_written_remembers_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Memory::new(&folder.path().join("file/below"), &config());
    std::fs::write(folder.path().join("file"), "").unwrap();
    missing.note_off("no answer", true);
    assert_eq!((missing.recall(), missing.turn()), (None, Turn::Wait));
}

#[test]
fn each_setting_has_a_state_of_its_own_and_no_credential_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let other = |change: fn(&mut S3Config)| {
        let mut config = config();
        change(&mut config);
        Memory::new(folder.path(), &config).name
    };
    let mut names = vec![
        memory(folder.path()).name,
        other(|config| config.endpoint_url.push('0')),
        other(|config| config.bucket.push('0')),
        other(|config| config.prefix.push('0')),
        other(|config| config.region.push('0')),
        other(|config| config.access_key_id.push('0')),
        other(|config| config.secret_access_key.push('0')),
        Memory::of_uploads(folder.path(), &config()).name,
    ];
    assert!(names.iter().all(|name| is_of_its_form(name)), "{names:?}");
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 8);
    memory(folder.path()).note_off("no answer", true);
    let text = std::fs::read_to_string(folder.path().join(memory(folder.path()).name)).unwrap();
    assert!(!text.contains("the-id") && !text.contains("the-secret"), "{text}");
}
