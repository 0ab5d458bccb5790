//! The round trips that a connection costs, and its number in the log.

use std::time::{Duration, Instant};

use gocacheprog::s3_server::{LinkSettings, Record};

use super::{Served, ask};
use crate::body_of;

const ROUND_TRIP: Duration = Duration::from_millis(20);
const ROUND_TRIP_US: u64 = 20_000;

/// A link whose latency is all network.
const LINK: LinkSettings = LinkSettings { first_byte: ROUND_TRIP, round_trip: ROUND_TRIP, ..LinkSettings::NONE };

#[tokio::test(flavor = "multi_thread")]
async fn a_new_connection_pays_a_round_trip_for_tcp_and_more_for_tls() {
    let served = Served::start(LINK).await;
    let mut http = served.connect();
    let mut tls_1_3 = served.connect_tls("localhost", &[&rustls::version::TLS13]);
    let mut tls_1_2 = served.connect_tls("localhost", &[&rustls::version::TLS12]);
    for key in ["new", "open"] {
        ask(&mut http, key);
        ask(&mut tls_1_3, key);
        ask(&mut tls_1_2, key);
    }
    let records = served.server.log_since(0);
    let (new, open) = records.split_at(3);
    assert_eq!(new.iter().map(|record| record.connect_round_trips).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(new.iter().map(|record| record.tls).collect::<Vec<_>>(), [false, true, true]);
    assert!(new.iter().all(|record| record.first_on_connection));
    for record in new {
        assert!(record.connect_delay_us >= u64::from(record.connect_round_trips) * ROUND_TRIP_US, "{record:?}");
        let before_ns = record.t_unix_ns - record.accepted_unix_ns;
        assert!(before_ns / 1000 >= record.connect_delay_us, "the request came after its handshakes: {record:?}");
    }
    assert!(open.iter().all(|record| !record.first_on_connection));
    assert!(open.iter().all(|record| (record.connect_round_trips, record.connect_delay_us) == (0, 0)), "{open:?}");
    // The latency of an answer is the same over a new connection as over an open one.
    assert!(records.iter().all(|record| record.asked_delay_us == ROUND_TRIP_US));
    let numbers = |records: &[Record]| records.iter().map(|record| record.connection).collect::<Vec<_>>();
    assert_eq!(numbers(new), numbers(open));
    assert_eq!(served.server.stats("").injected_first_byte_ms.count, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_opens_a_connection_a_request_waits_for_each() {
    let served = Served::start(LINK).await;
    let start = Instant::now();
    for _ in 0..3 {
        ask(&mut served.connect(), "key");
    }
    assert!(start.elapsed() >= 6 * ROUND_TRIP, "three handshakes, three answers");
    let records = served.server.log_since(0);
    assert_eq!(records.iter().map(|record| record.connection).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(records.iter().all(|record| record.connect_delay_us >= ROUND_TRIP_US), "{records:?}");
    assert_eq!(served.server.stats("").connections_opened, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_round_trip_is_paid_over_a_link_without_one() {
    let served = Served::start(LinkSettings { round_trip: Duration::ZERO, ..LINK }).await;
    ask(&mut served.connect_tls("localhost", rustls::DEFAULT_VERSIONS), "key");
    served.server.set_link(LINK);
    ask(&mut served.connect(), "key");
    let records = served.server.log_since(0);
    assert_eq!((records[0].connect_round_trips, records[0].connect_delay_us), (2, 0));
    assert!(records[1].connect_delay_us >= ROUND_TRIP_US, "new connections have the link that is set");
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_client_keeps_its_connections() {
    let served = Served::start(LINK).await;
    let client = served.client();
    for _ in 0..5 {
        client.put_bytes("key", body_of(10)).await.unwrap();
    }
    let records = served.server.log_since(0);
    assert_eq!(records.iter().filter(|record| record.first_on_connection).count(), 1, "{records:?}");
}
