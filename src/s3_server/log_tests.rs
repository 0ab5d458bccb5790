use super::*;

fn connection(number: u64, round_trips: u32) -> Arc<Connection> {
    let handshakes = Handshakes { round_trips, delay: Duration::from_millis(3) * round_trips };
    Arc::new(Connection::new(number, 7, number == 2, handshakes))
}

fn get(uri: &str) -> Request<()> {
    Request::get(uri).header("range", "bytes=0-9").body(()).unwrap()
}

#[test]
fn a_record_appears_when_the_last_holder_lets_go() {
    let log = Arc::new(Log::new(true));
    let connection = connection(1, 1);
    let first = log.begin(&get("/c/one"), &connection);
    let second = log.begin(&get("/c/two"), &connection);
    let body = Arc::clone(&second);
    second.answered(200, Duration::from_millis(20), Duration::from_micros(20_100));
    drop(second);
    assert_eq!((log.received(), log.in_flight(), log.since(0)), (2, 2, vec![]));
    body.passed(Direction::Down, 7);
    drop(body);
    let records = log.since(1);
    assert_eq!((records[0].key.as_str(), records[0].bytes_out), ("two", 7));
    assert_eq!((records[0].status, records[0].injected_delay_us), (Some(200), 20_100));
    drop(first);
    let unanswered = &log.since(0)[0];
    assert_eq!((unanswered.status, unanswered.first_byte_unix_ns, unanswered.last_byte_unix_ns), (None, None, None));
    assert_eq!((log.in_flight(), log.delays().count), (0, 1));
    let totals = log.totals();
    assert_eq!((totals.requests[&Operation::Get], totals.bytes_in, totals.bytes_out), (2, 0, 7));
    log.reset_delays();
    assert_eq!(log.delays(), Delays { count: 0, median: None, p99: None });
}

#[test]
fn a_record_has_the_times_of_its_request_in_their_order() {
    let log = Arc::new(Log::new(true));
    let connection = connection(1, 1);
    let put = Request::put("/c/key").header("range", "bytes=0-9").body(()).unwrap();
    let exchange = log.begin(&put, &connection);
    exchange.passed(Direction::Up, 5);
    std::thread::sleep(Duration::from_millis(1));
    exchange.answered(200, Duration::ZERO, Duration::ZERO);
    drop(exchange);
    let before = log.since(0).remove(0);
    assert_eq!((before.op, before.bucket.as_str(), before.range.as_deref()), (Operation::Put, "c", None));
    assert!(before.t_unix_ns <= before.received_unix_ns);
    assert!(before.received_unix_ns + 1_000_000 <= before.first_byte_unix_ns.unwrap(), "{before:?}");
    assert_eq!(before.first_byte_unix_ns, before.last_byte_unix_ns);

    let written_ns = before.last_byte_unix_ns.unwrap() + 3_000_000;
    assert!(log.sent(connection.answered().unwrap(), written_ns));
    let after = log.since(0).remove(0);
    assert_eq!(after.last_byte_unix_ns, Some(written_ns));
    assert!(after.duration_us >= 3000, "{after:?}");
    assert_eq!(after.first_byte_unix_ns, before.first_byte_unix_ns);

    let under_way = log.begin(&put, &connection);
    under_way.answered(200, Duration::ZERO, Duration::ZERO);
    assert!(!log.sent(connection.answered().unwrap(), written_ns), "the rest of its body is to come");
    connection.end_answer();
    assert_eq!(connection.answered(), None);
}

#[test]
fn only_the_first_request_of_a_connection_has_its_handshakes() {
    let log = Arc::new(Log::new(true));
    let (one, two) = (connection(1, 1), connection(2, 2));
    for connection in [&one, &one, &two] {
        log.begin(&get("/c/key"), connection);
    }
    let seen = log.since(0).into_iter().map(|record| {
        let Record { connection, tls, first_on_connection, connect_round_trips, connect_delay_us, .. } = record;
        (connection, tls, first_on_connection, connect_round_trips, connect_delay_us)
    });
    let expected = [(1, false, true, 1, 3000), (1, false, false, 0, 0), (2, true, true, 2, 6000)];
    assert_eq!(seen.collect::<Vec<_>>(), expected);
    assert_eq!(log.since(0)[0].range.as_deref(), Some("bytes=0-9"));
}
