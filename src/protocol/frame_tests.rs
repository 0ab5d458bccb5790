//! Tests of the reader: what go sends in any split of the bytes, and what no go would send.

use super::*;
use crate::protocol::{ActionId, Command, OutputId};
use proptest::prelude::*;

/// Hands out its bytes in pieces of the given sizes, over and over.
struct Pieces {
    bytes: Vec<u8>,
    sizes: Vec<usize>,
    at: usize,
    turn: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes[self.turn % self.sizes.len()].min(buffer.len()).min(self.bytes.len() - self.at);
        self.turn += 1;
        buffer[..size].copy_from_slice(&self.bytes[self.at..self.at + size]);
        self.at += size;
        Ok(size)
    }
}

type Seen = Vec<(Request, Vec<u8>)>;

fn read_all(bytes: &[u8], sizes: &[usize]) -> Result<Seen, ProtocolError> {
    let source = Pieces { bytes: bytes.to_vec(), sizes: sizes.to_vec(), at: 0, turn: 0 };
    let mut reader = FrameReader::new(source);
    let mut seen = Vec::new();
    while let Some(frame) = reader.next_frame()? {
        let mut body = Vec::new();
        reader.read_body(|piece| body.extend_from_slice(piece))?;
        seen.push((frame.request, body));
    }
    Ok(seen)
}

/// The bytes that cmd/go writes for these requests.
fn as_go_writes(requests: &Seen) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (Request { id, command }, body) in requests {
        let line = match command {
            Command::Get { action } => format!(r#"{{"ID":{id},"Command":"get","ActionID":"{action}"}}"#),
            Command::Put { action, output, body_bytes: 0 } => {
                format!(r#"{{"ID":{id},"Command":"put","ActionID":"{action}","OutputID":"{output}"}}"#)
            }
            Command::Put { action, output, body_bytes } => format!(
                r#"{{"ID":{id},"Command":"put","ActionID":"{action}","OutputID":"{output}","BodySize":{body_bytes}}}"#
            ),
            Command::Close => format!(r#"{{"ID":{id},"Command":"close"}}"#),
            Command::Unknown { .. } => unreachable!("go sends none"),
        };
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(b"\n\n");
        if !body.is_empty() {
            bytes.extend_from_slice(format!("\"{}\"\n", base64_simd::STANDARD.encode_to_string(body)).as_bytes());
        }
    }
    bytes
}

fn any_request() -> impl Strategy<Value = (Request, Vec<u8>)> {
    let body = prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..40),
        1 => (any::<u8>(), 0..400_000usize).prop_map(|(byte, length)| vec![byte; length]),
    ];
    (any::<i64>(), 0..3, any::<[u8; 32]>(), any::<[u8; 32]>(), body).prop_map(|(id, kind, a, o, body)| {
        let (action, output) = (ActionId::new(a), OutputId::new(o));
        match kind {
            0 => (Request { id, command: Command::Get { action } }, vec![]),
            1 => (Request { id, command: Command::Put { action, output, body_bytes: body.len() as u64 } }, body),
            _ => (Request { id, command: Command::Close }, vec![]),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_split_of_the_bytes_gives_the_same_requests(
        requests in prop::collection::vec(any_request(), 0..6),
        sizes in prop::collection::vec(1..70_000usize, 1..5),
    ) {
        prop_assert_eq!(read_all(&as_go_writes(&requests), &sizes).unwrap(), requests);
    }

    #[test]
    fn single_bytes_give_the_same_requests(requests in prop::collection::vec(any_request(), 0..3)) {
        prop_assert_eq!(read_all(&as_go_writes(&requests), &[1]).unwrap(), requests);
    }

    #[test]
    fn garbage_is_an_error_or_the_end_and_never_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
        sizes in prop::collection::vec(1..500usize, 1..3),
    ) {
        let _ = read_all(&bytes, &sizes);
    }

    #[test]
    fn a_damaged_stream_is_an_error_or_other_requests_and_never_a_panic(
        requests in prop::collection::vec(any_request(), 1..4),
        damage in prop::collection::vec((0.0..1.0f64, any::<u8>()), 1..4),
    ) {
        let mut bytes = as_go_writes(&requests);
        for (share, byte) in damage {
            let at = (bytes.len() as f64 * share) as usize;
            bytes[at] = byte;
        }
        let _ = read_all(&bytes, &[999]);
    }

    #[test]
    fn a_cut_stream_never_gives_a_request_that_was_not_sent(
        requests in prop::collection::vec(any_request(), 1..4),
        share in 0.0..1.0f64,
    ) {
        let bytes = as_go_writes(&requests);
        let cut = (bytes.len() as f64 * share) as usize;
        if let Ok(seen) = read_all(&bytes[..cut], &[4096]) {
            prop_assert_eq!(&seen[..], &requests[..seen.len()]);
        }
    }
}

fn put_line(body_bytes: u64) -> String {
    let id = ActionId::new([7; 32]);
    format!(r#"{{"ID":5,"Command":"put","ActionID":"{id}","OutputID":"{id}","BodySize":{body_bytes}}}"#)
}

#[test]
fn a_body_that_nobody_takes_is_drained() {
    let text = format!("{}\n\n\"QUJD\"\n{{\"ID\":6,\"Command\":\"close\"}}\n", put_line(3));
    let mut reader = FrameReader::new(text.as_bytes());
    assert_eq!(reader.next_frame().unwrap().unwrap().request.id, 5);
    assert_eq!(reader.next_frame().unwrap().unwrap().request.id, 6);
    assert!(reader.next_frame().unwrap().is_none());
}

#[test]
fn wrong_bodies_are_named() {
    for (body, word) in [
        ("QUJD", "no opening quote"),
        ("\"QU*D\"", "not base64"),
        ("\"QUI=\"", "not of the announced size"),
        ("\"QUJDQUJD\"", "longer than announced"),
        ("\"QU", "ended inside"),
        ("\"QUJD", "ended inside"),
        ("", "ended inside"),
    ] {
        let error = read_all(format!("{}\n\n{body}", put_line(3)).as_bytes(), &[3]).unwrap_err().to_string();
        assert!(error.contains(word), "{body}: {error}");
    }
}

#[test]
fn an_endless_header_is_refused_without_reading_it_all() {
    let error = read_all(&vec![b'{'; 10 << 20], &[8192]).unwrap_err();
    assert!(matches!(error, ProtocolError::HeaderTooLong), "{error}");
}

#[test]
fn a_last_line_may_lack_its_newline() {
    assert_eq!(read_all(br#"{"ID":1,"Command":"close"}"#, &[5]).unwrap().len(), 1);
}

/// Gives one byte at a time, and lets the reader wait for each.
struct Slow(Pieces);

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        std::thread::sleep(Duration::from_millis(1));
        self.0.read(buffer)
    }
}

#[test]
fn the_time_in_which_a_body_was_waited_for_is_told() {
    let action = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let header = format!(r#"{{"ID":1,"Command":"put","ActionID":"{action}","OutputID":"{action}","BodySize":3}}"#);
    let source = Pieces { bytes: format!("{header}\n\"AAAA\"\n").into_bytes(), sizes: vec![1], at: 0, turn: 0 };
    let mut reader = FrameReader::new(Slow(source));
    reader.next_frame().unwrap().unwrap();
    let began = Instant::now();
    let waited = reader.read_body(|_| {}).unwrap();
    let took = began.elapsed();
    assert!(waited >= Duration::from_millis(6) && waited <= took, "six characters: {waited:?} of {took:?}");
    assert_eq!(reader.read_body(|_| {}).unwrap(), Duration::ZERO, "there is no body left");
}
