//! Decides what leaves the store. Pure: ages and sizes in, what leaves out.

/// How often a body that is there already shows, by its file's time, that it came in again, in seconds: an hour, as in
/// go's own cache. It may have come in by so much later than its time says.
pub const ARRIVAL_EVERY_S: i64 = 3600;
/// Nothing leaves within so many seconds of its last use: a day, as cmd/go asks of a cache.
pub const YOUNG_S: i64 = 24 * 3600;

/// How much the local store may hold, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Seconds that an entry may stay unused; `None`: for ever.
    pub max_age_s: Option<i64>,
    /// Bytes of all bodies together; `None`: as many as come.
    pub max_bytes: Option<u64>,
}

/// An entry as the plan sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedEntry {
    /// Place of its body in the list of bodies.
    pub body: usize,
    /// When it was last used at the latest, Unix seconds.
    pub last_use_s: i64,
}

/// A body as the plan sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedBody {
    /// Bytes on disk.
    pub bytes: u64,
    /// When it came into the store at the latest, Unix seconds.
    pub arrived_s: i64,
}

/// Entries and bodies that leave, by their places in the lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// For each entry, whether it leaves.
    pub entries: Vec<bool>,
    /// For each body, whether it leaves.
    pub bodies: Vec<bool>,
}

/// Lets leave, in this order: entries unused for the longest age, bodies that no entry names, and where the rest is more
/// than the limit, the least recently used bodies until a tenth of it is free. A time to come counts as now: clocks jump.
pub fn plan(bodies: &[PlannedBody], entries: &[PlannedEntry], limits: &Limits, now_s: i64) -> Plan {
    let is_young = |time_s: i64| time_s > now_s.saturating_sub(YOUNG_S);
    let is_stale = |time_s: i64| limits.max_age_s.is_some_and(|age| time_s < now_s.saturating_sub(age));
    let mut last_uses: Vec<i64> = bodies.iter().map(|body| body.arrived_s.min(now_s)).collect();
    let mut is_named = vec![false; bodies.len()];
    let mut leaving = Plan { entries: Vec::with_capacity(entries.len()), bodies: Vec::new() };
    for entry in entries {
        let leaves = is_stale(entry.last_use_s) && !is_young(entry.last_use_s);
        leaving.entries.push(leaves);
        if !leaves {
            is_named[entry.body] = true;
            last_uses[entry.body] = last_uses[entry.body].max(entry.last_use_s.min(now_s));
        }
    }
    leaving.bodies = (0..bodies.len()).map(|body| !is_named[body] && !is_young(last_uses[body])).collect();
    if let Some(max_bytes) = limits.max_bytes {
        make_room(bodies, &last_uses, &mut leaving.bodies, max_bytes, is_young);
    }
    for (leaves, entry) in leaving.entries.iter_mut().zip(entries) {
        *leaves |= leaving.bodies[entry.body];
    }
    leaving
}

fn make_room(
    bodies: &[PlannedBody],
    last_uses: &[i64],
    leaving: &mut [bool],
    max_bytes: u64,
    is_young: impl Fn(i64) -> bool,
) {
    let mut stay: Vec<usize> = (0..bodies.len()).filter(|body| !leaving[*body]).collect();
    let mut total: u128 = stay.iter().map(|body| u128::from(bodies[*body].bytes)).sum();
    if total <= max_bytes.into() {
        return;
    }
    let enough = u128::from(max_bytes) * 9 / 10;
    stay.sort_by_key(|body| (last_uses[*body], *body));
    for body in stay.into_iter().take_while(|body| !is_young(last_uses[*body])) {
        if total <= enough {
            break;
        }
        // One without content makes no room.
        if bodies[body].bytes > 0 {
            leaving[body] = true;
            total -= u128::from(bodies[body].bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW_S: i64 = 1_800_000_000;
    const DAY_S: i64 = 24 * 3600;

    fn limits(days: i64, max_bytes: u64) -> Limits {
        Limits { max_age_s: (days > 0).then_some(days * DAY_S), max_bytes: (max_bytes > 0).then_some(max_bytes) }
    }

    /// Bodies that came long ago, with one entry each, last used so many hours ago.
    fn store(bodies: &[(u64, i64)]) -> (Vec<PlannedBody>, Vec<PlannedEntry>) {
        let entry = |(body, (_, hours)): (usize, &(u64, i64))| PlannedEntry { body, last_use_s: NOW_S - hours * 3600 };
        let entries = bodies.iter().enumerate().map(entry).collect();
        (bodies.iter().map(|(bytes, _)| PlannedBody { bytes: *bytes, arrived_s: 0 }).collect(), entries)
    }

    fn leaving(bodies: &[(u64, i64)], limits: &Limits) -> Vec<bool> {
        let (bodies, entries) = store(bodies);
        let plan = plan(&bodies, &entries, limits, NOW_S);
        assert_eq!(plan.bodies, plan.entries, "one entry each");
        plan.bodies
    }

    #[test]
    fn what_was_not_used_for_the_longest_age_leaves() {
        assert_eq!(leaving(&[(1, 119), (1, 121)], &limits(5, 0)), [false, true]);
        assert_eq!(leaving(&[(1, 119), (1, 100_000)], &limits(0, 0)), [false, false], "no limit");
    }

    #[test]
    fn the_least_recently_used_leave_until_a_tenth_is_free() {
        let bodies = [(30, 40), (30, 60), (30, 50), (30, 70)];
        assert_eq!(leaving(&bodies, &limits(5, 120)), [false; 4], "just full");
        assert_eq!(leaving(&bodies, &limits(5, 119)), [false, false, false, true]);
        assert_eq!(leaving(&bodies, &limits(5, 99)), [false, true, false, true]);
    }

    #[test]
    fn a_day_is_safe_from_both_limits() {
        assert_eq!(leaving(&[(100, 23), (100, 25)], &limits(1, 10)), [false, true]);
        assert_eq!(leaving(&[(100, 23), (100, -1_000_000)], &limits(1, 10)), [false, false], "a time to come is now");
    }

    #[test]
    fn a_body_stays_while_one_of_its_entries_does() {
        let bodies = [PlannedBody { bytes: 1, arrived_s: 0 }];
        let entries = [200, 20].map(|hours| PlannedEntry { body: 0, last_use_s: NOW_S - hours * 3600 });
        let planned = plan(&bodies, &entries, &limits(5, 0), NOW_S);
        assert_eq!((planned.entries, planned.bodies), (vec![true, false], vec![false]));
    }

    #[test]
    fn a_body_that_no_entry_names_leaves_after_a_day() {
        let bodies = [23, 25, -9].map(|hours| PlannedBody { bytes: 1, arrived_s: NOW_S - hours * 3600 });
        assert_eq!(plan(&bodies, &[], &limits(0, 0), NOW_S).bodies, [false, true, false]);
    }

    prop_compose! {
        fn stores()(
            bodies in prop::collection::vec((0..50u64, -50..300i64), 1..30)
        )(
            entries in prop::collection::vec((0..bodies.len(), -50..300i64), 0..60),
            bodies in Just(bodies)
        ) -> (Vec<PlannedBody>, Vec<PlannedEntry>) {
            let ago = |hours: i64| NOW_S - hours * 3600;
            let body = |(bytes, hours)| PlannedBody { bytes, arrived_s: ago(hours) };
            let entry = |(body, hours)| PlannedEntry { body, last_use_s: ago(hours) };
            (bodies.into_iter().map(body).collect(), entries.into_iter().map(entry).collect())
        }
    }

    /// Bodies and entries that stay, with the entries' bodies at their new places.
    fn rest(bodies: &[PlannedBody], entries: &[PlannedEntry], plan: &Plan) -> (Vec<PlannedBody>, Vec<PlannedEntry>) {
        let stays: Vec<usize> = (0..bodies.len()).filter(|body| !plan.bodies[*body]).collect();
        let kept = entries.iter().zip(&plan.entries).filter(|(_, leaves)| !**leaves);
        let place = |body| stays.binary_search(&body).expect("an entry that stays has its body");
        let entries = kept.map(|(entry, _)| PlannedEntry { body: place(entry.body), ..*entry }).collect();
        (stays.iter().map(|body| bodies[*body]).collect(), entries)
    }

    proptest! {
        #[test]
        fn each_plan_keeps_the_promises((bodies, entries) in stores(), days in 0..8i64, max_bytes in 0..800u64) {
            let limits = limits(days, max_bytes);
            let planned = plan(&bodies, &entries, &limits, NOW_S);
            let is_young = |time_s: i64| time_s > NOW_S - YOUNG_S;
            for (entry, leaves) in entries.iter().zip(&planned.entries) {
                prop_assert!(!(is_young(entry.last_use_s) && (*leaves || planned.bodies[entry.body])));
            }
            for (body, leaves) in bodies.iter().zip(&planned.bodies) {
                prop_assert!(!(is_young(body.arrived_s) && *leaves));
            }
            let (bodies, entries) = rest(&bodies, &entries, &planned);
            let total: u64 = bodies.iter().map(|body| body.bytes).sum();
            let named_young = |body| entries.iter().any(|entry| entry.body == body && is_young(entry.last_use_s));
            let only_young = (0..bodies.len())
                .filter(|body| bodies[*body].bytes > 0)
                .all(|body| is_young(bodies[body].arrived_s) || named_young(body));
            prop_assert!(max_bytes == 0 || total <= max_bytes || only_young);
            let again = plan(&bodies, &entries, &limits, NOW_S);
            prop_assert!(!again.bodies.contains(&true) && !again.entries.contains(&true), "a second plan finds nothing");
        }
    }
}
