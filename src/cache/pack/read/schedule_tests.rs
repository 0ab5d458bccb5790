use super::*;

const AFTER: [PackNumber; 100] = {
    let mut all = [0; 100];
    let mut at = 0;
    while at < 100 {
        all[at] = at as PackNumber + 1;
        at += 1;
    }
    all
};

fn started(schedule: &mut Schedule) -> Vec<PackNumber> {
    std::iter::from_fn(|| schedule.start().map(|(pack, _)| pack)).collect()
}

#[test]
fn a_pack_is_worth_waiting_for_when_its_rate_promises_its_end() {
    let fetch = Fetch::default();
    let limit = Duration::from_millis(1);
    assert!(!fetch.transfer.ends_within(limit, 100), "not begun");
    fetch.transfer.begins();
    std::thread::sleep(Duration::from_millis(5));
    assert!(!fetch.transfer.ends_within(limit, 100), "nothing has come");
    fetch.transfer.received(50);
    assert!(!fetch.transfer.ends_within(limit, 100), "as much again takes 5 ms or more");
    assert!(fetch.transfer.ends_within(Duration::from_secs(60), 100));
    fetch.transfer.received(50);
    assert!(fetch.transfer.ends_within(limit, 100), "all is there");
}

#[test]
fn what_go_waits_for_comes_before_what_it_may_ask() {
    let mut schedule = Schedule::new(true, CONNECTIONS);
    assert!(schedule.want(0, false).1);
    schedule.read_ahead(&AFTER);
    schedule.want(50, false);
    schedule.want(3, false);
    assert_eq!(started(&mut schedule), [0, 50, 3, 1, 2, 4]);
    assert_eq!(schedule.used(), [0, 50, 3]);
}

#[test]
fn the_window_grows_with_the_hits_and_nothing_is_fetched_twice() {
    let mut schedule = Schedule::new(true, CONNECTIONS);
    let mut seen = Vec::new();
    for hit in 1..=200 {
        if schedule.want(0, false).1 {
            schedule.read_ahead(&AFTER);
        }
        seen.extend(started(&mut schedule));
        while schedule.in_flight > 0 {
            schedule.ended(Some(Duration::ZERO));
            seen.extend(started(&mut schedule));
        }
        let expected = match hit {
            ..32 => 4,
            32..64 => 8,
            64..96 => 16,
            96..128 => 32,
            _ => 64,
        };
        assert_eq!(seen.len(), 1 + expected, "after {hit} hits");
    }
    assert!(seen.iter().zip(0..).all(|(pack, number)| *pack == number), "{seen:?}");
}

#[test]
fn on_a_slow_link_fewer_are_fetched_ahead_and_one_that_is_waited_for_still_starts() {
    let mut schedule = Schedule::new(true, CONNECTIONS);
    schedule.hits = 200;
    schedule.want(0, false);
    schedule.read_ahead(&AFTER);
    assert_eq!(started(&mut schedule).len(), CONNECTIONS);
    for _ in 0..20 {
        schedule.ended(Some(SLOW * 2));
        started(&mut schedule);
    }
    assert_eq!(schedule.in_flight, FEWEST_AHEAD);
    schedule.ended(None);
    assert_eq!(started(&mut schedule).len(), 1, "a failure widens nothing");
    schedule.want(99, false);
    assert_eq!(started(&mut schedule), [99]);
    for _ in 0..20 {
        schedule.ended(Some(Duration::ZERO));
        started(&mut schedule);
    }
    assert_eq!(schedule.in_flight, CONNECTIONS, "a link that got faster is used again");
}

#[test]
fn large_outputs_keep_no_connection_from_packs() {
    let mut schedule = Schedule::new(true, CONNECTIONS);
    (0..8).for_each(|large| drop(schedule.want(large, true)));
    let begun: Vec<_> = std::iter::from_fn(|| schedule.start_large().map(|(pack, _)| pack)).collect();
    assert_eq!((begun.as_slice(), started(&mut schedule).as_slice()), (&[0, 1][..], &[][..]));
    schedule.want(20, false);
    assert_eq!(started(&mut schedule), [20]);
    schedule.large_ended();
    assert_eq!(schedule.start_large().map(|(pack, _)| pack), Some(2));
}

#[test]
fn parts_can_be_switched_off() {
    let mut alone = Schedule::new(false, CONNECTIONS);
    alone.want(0, false);
    alone.read_ahead(&AFTER);
    assert_eq!(started(&mut alone), [0]);
    let mut single = Schedule::new(true, 1);
    single.want(0, false);
    single.read_ahead(&AFTER);
    assert_eq!(started(&mut single), [0]);
    single.ended(Some(SLOW * 2));
    assert_eq!(started(&mut single), [1]);
}
