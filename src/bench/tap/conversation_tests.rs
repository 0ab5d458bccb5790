use gocacheprog::telemetry::{Clock, Switches};

use super::*;
use crate::tap::answer_stream::{AnswerBytes, AnswerReader};
use crate::tap::passing::Passed;
use crate::tap::request_stream::RequestStream;

const A: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A conversation with nobody, and the recorder that counts it.
fn conversation() -> Conversation {
    let switches = Switches { request_log: false, histograms: true, wall_profile: false };
    let folder = tempfile::tempdir().unwrap();
    let folder = gocacheprog::telemetry::SessionFolder::use_given(folder.path()).unwrap();
    let recorder = Recorder::new(Clock::start(), Some(&folder), switches, None);
    Conversation::new(Arc::new(recorder), ProgramSeen::default())
}

/// Requests that came and answers that were given, each with its time.
fn talk(requests: &[(u64, String)], answers: &[(u64, &str)]) -> Conversation {
    let mut conversation = conversation();
    let (mut stream, mut bytes) = (RequestStream::default(), AnswerBytes::default());
    let passed = |ns: u64| Passed { read_ns: ns, written_ns: ns + 1, ..Passed::default() };
    requests.iter().for_each(|(ns, text)| stream.feed(text.as_bytes(), passed(*ns)));
    answers.iter().for_each(|(ns, text)| bytes.feed(text.as_bytes(), passed(*ns)));
    // Answers first: the requests may be late.
    let sent = AnswerReader::default().read(bytes.take(), true);
    conversation.take((Vec::new(), Vec::new()), sent);
    conversation.take(stream.take_last(), Vec::new());
    conversation.end();
    conversation.draw(true, None);
    conversation.recorder.flush(true);
    conversation
}

fn get(id: i64) -> String {
    format!("{{\"ID\":{id},\"Command\":\"get\",\"ActionID\":\"{A}\"}}\n\n")
}

#[test]
fn each_outcome_is_what_go_takes_it_for() {
    let put = format!(
        "{{\"ID\":5,\"Command\":\"put\",\"ActionID\":\"{A}\",\"OutputID\":\"{A}\",\"BodySize\":3}}\n\"AAAA\"\n"
    );
    let close = "{\"ID\":6,\"Command\":\"close\"}\n".to_owned();
    let answers = format!(
        "{{\"ID\":0,\"KnownCommands\":[\"get\"]}}{{\"ID\":1,\"Miss\":true}}{{\"ID\":2,\"OutputID\":\"{A}\",\"Size\":7,\"DiskPath\":\"/x\"}}\
         {{\"ID\":3,\"Err\":\"no\"}}{{\"ID\":4,\"Size\":7}}{{\"ID\":5,\"DiskPath\":\"y\"}}{{\"ID\":6}}"
    );
    let conversation =
        talk(&[(10, get(1)), (20, get(2)), (30, get(3)), (35, get(4)), (40, put), (50, close)], &[(70, &answers)]);
    let counts = conversation.recorder.counts();
    assert_eq!((counts.gets, counts.puts, counts.misses, counts.hits_unknown, counts.errors), (4, 1, 1, 1, 2));
    assert_eq!((counts.put_bytes, counts.hits_local, counts.hits_not_put_here), (3, 0, 0));
    let seen = conversation.seen;
    assert_eq!((seen.known_commands.len(), seen.handshake_ns), (1, Some(71)));
    assert_eq!((seen.without_disk_path, seen.relative_disk_paths), (1, 1));
    assert_eq!(seen.first_relative_disk_path.as_deref(), Some("y"));
    assert_eq!((seen.close_ns, seen.close_answered_ns, seen.unanswered), (Some(50), Some(71), 0));
    assert_eq!((seen.most_open, seen.out_of_order), (6, 0));
}

#[test]
fn an_answer_before_an_older_one_and_one_to_nothing_are_counted() {
    let conversation = talk(
        &[(10, get(1)), (20, get(2)), (30, get(3))],
        &[(40, "{\"ID\":0}{\"ID\":2,\"Miss\":true}"), (50, "{\"ID\":1,\"Miss\":true}{\"ID\":9}{\"ID\":0}")],
    );
    let seen = conversation.seen;
    assert_eq!((seen.out_of_order, seen.unanswered), (1, 1));
    assert_eq!((seen.unknown_ids, seen.first_unknown_id), (2, Some(9)));
}

#[test]
fn stages_follow_upon_each_other_also_where_an_answer_overtook_the_clock() {
    let frame = RequestFrame { first_ns: 10, header_ns: 50, end_ns: 60, unread_ns: 900, ..RequestFrame::default() };
    let timed = TimedAnswer { answer: WireAnswer::default(), read_ns: 40, written_ns: 45 };
    let times = times(&frame, &timed);
    assert_eq!(times.stages_ns(), [30, 0, 0, 0, 5]);
    assert_eq!((times.took_ns(), times.kept_ns), (35, 30));
}
