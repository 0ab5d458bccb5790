//! Groups of machines in numbers: times, hit rates, requests by kind, and what S3 would charge for them.

use serde::Serialize;

use crate::plan::study::Study;
use crate::results::machines::{Build, GroupResult, WaveResult};
use crate::results::round::ServerSeen;
use crate::scenario::ci::{Prices, Share, Start};
use gocacheprog::telemetry::SessionSummary;

/// Requests that a price is for.
const PER: f64 = 1000.0;
/// Bytes that a price is for.
const GB: f64 = 1e9;

/// A wave in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WaveSummary {
    pub builds: Share,
    pub start: Start,
    pub machines: u32,
    /// From 1.
    pub wave: usize,
    /// Machines that started in it.
    pub started: usize,
    pub slowest_ns: f64,
    pub sum_ns: f64,
    pub gets: u64,
    /// Hits as shares of the gets; None without gets.
    pub local_rate: Option<f64>,
    pub remote_rate: Option<f64>,
    pub server: Option<ServerSeen>,
    pub stored_bytes: Option<u64>,
    pub uploads_left: u64,
    pub cost: Option<Cost>,
    /// Reasons to doubt the numbers, each with the folder of the build.
    pub doubts: Vec<String>,
}

/// US dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Cost {
    pub requests: f64,
    pub out: f64,
    /// For a month of the objects in the bucket after the wave.
    pub stored_month: f64,
}

impl Cost {
    /// The cost of the requests and bytes of a wave. A deletion costs nothing; what is neither PUT, LIST nor DELETE costs as a GET.
    pub fn of(server: &ServerSeen, stored_bytes: u64, prices: &Prices) -> Cost {
        let dear = server.puts + server.lists;
        let cheap = server.requests.saturating_sub(dear + server.deletes);
        let of_requests = |count: u64, price: f64| count as f64 / PER * price;
        Cost {
            requests: of_requests(dear, prices.put_and_list_per_1000) + of_requests(cheap, prices.get_per_1000),
            out: server.bytes_out as f64 / GB * prices.out_per_gb,
            stored_month: stored_bytes as f64 / GB * prices.stored_per_gb_month,
        }
    }

    /// The cost of the wave itself.
    pub fn of_wave(&self) -> f64 {
        self.requests + self.out
    }
}

/// Sums up all waves; none in other studies.
pub fn waves(groups: &[GroupResult], study: &Study) -> Vec<WaveSummary> {
    let Study::Machines { prices, .. } = study else { return Vec::new() };
    let waves = groups.iter().flat_map(|group| group.waves.iter().zip(1..).map(move |wave| (group, wave)));
    waves.map(|(group, (wave, number))| summary(group, wave, number, prices)).collect()
}

fn summary(group: &GroupResult, wave: &WaveResult, number: usize, prices: &Prices) -> WaveSummary {
    let walls: Vec<f64> = wave.builds.iter().map(|build| build.wall_ns as f64).collect();
    let total = |pick: &dyn Fn(&SessionSummary) -> u64| wave.builds.iter().map(|build| pick(&build.session)).sum();
    let gets: u64 = total(&|session| session.counts.gets);
    let rate = |hits: u64| (gets > 0).then(|| hits as f64 / gets as f64);
    let cost = wave.server.zip(wave.stored_bytes).map(|(server, stored)| Cost::of(&server, stored, prices));
    WaveSummary {
        builds: group.builds,
        start: group.start,
        machines: group.machines,
        wave: number,
        started: wave.builds.len(),
        slowest_ns: walls.iter().copied().fold(0.0, f64::max),
        sum_ns: walls.iter().sum(),
        gets,
        local_rate: rate(total(&|session| session.counts.hits_local)),
        remote_rate: rate(total(&|session| session.counts.hits_remote)),
        server: wave.server,
        stored_bytes: wave.stored_bytes,
        uploads_left: total(&|session| session.uploads_left),
        cost,
        doubts: wave.builds.iter().flat_map(doubts).collect(),
    }
}

fn doubts(build: &Build) -> Vec<String> {
    let off = build.session.remote_off.iter().map(|reason| format!("the remote was given up: {reason}"));
    let all = off.chain(build.disagreements.iter().cloned());
    all.map(|doubt| format!("{}: {doubt}", build.folder)).collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::execute::backend::session::tests::quiet;

    /// Two machines after one, of which the second hits three quarters of its gets in the remote.
    pub fn groups() -> Vec<GroupResult> {
        let build = |seconds: u64, gets: u64, hits: u64| {
            let mut session = quiet();
            (session.counts.gets, session.counts.hits_remote) = (gets, hits);
            let (packages, folder) = ("fmt".to_owned(), "ci/x".to_owned());
            Build { packages, folder, wall_ns: seconds * 1_000_000_000, session, disagreements: Vec::new() }
        };
        let wave = |builds: Vec<Build>, server: ServerSeen, stored: u64| WaveResult {
            builds,
            server: Some(server),
            stored_objects: Some(1),
            stored_bytes: Some(stored),
        };
        let filling = ServerSeen { requests: 2002, puts: 2000, lists: 2, ..ServerSeen::default() };
        let reading =
            ServerSeen { requests: 1050, gets: 1000, deletes: 50, bytes_out: 500_000_000, ..ServerSeen::default() };
        let waves = vec![
            wave(vec![build(20, 100, 0)], filling, 1_000_000_000),
            wave(vec![build(4, 100, 100), build(6, 100, 50)], reading, 1_000_000_000),
        ];
        vec![GroupResult { machines: 3, start: Start::OneSeeds, builds: Share::Same, waves }]
    }

    /// The study that they were run in.
    pub fn study() -> Study {
        Study::Machines { groups: Vec::new(), prices: Prices::default() }
    }

    /// The groups, wave by wave.
    pub fn waves() -> Vec<WaveSummary> {
        super::waves(&groups(), &study())
    }

    #[test]
    fn a_wave_is_as_slow_as_its_slowest_machine() {
        let wave = &waves()[1];
        assert_eq!((wave.slowest_ns, wave.sum_ns, wave.started), (6e9, 10e9, 2));
        assert_eq!((wave.gets, wave.remote_rate, wave.local_rate), (200, Some(0.75), Some(0.0)));
    }

    #[test]
    fn a_machine_that_lost_the_remote_is_named() {
        let mut groups = groups();
        groups[0].waves[1].builds[0].session.remote_off = Some("no answer".to_owned());
        let waves = super::waves(&groups, &study());
        assert_eq!(waves[1].doubts, ["ci/x: the remote was given up: no answer"]);
        assert!(waves[0].doubts.is_empty());
    }

    #[test]
    fn costs_are_those_of_the_price_list() {
        let costs: Vec<Cost> = waves().iter().filter_map(|wave| wave.cost).collect();
        // 2002 PUT and LIST at 0.005 a thousand, 1 GB for a month at 0.023.
        assert!((costs[0].requests - 0.01001).abs() < 1e-12 && costs[0].out == 0.0);
        assert!((costs[0].stored_month - 0.023).abs() < 1e-12);
        // 1000 GET at 0.0004, deletions for nothing, half a GB at 0.09.
        assert!((costs[1].requests - 0.0004).abs() < 1e-12 && (costs[1].out - 0.045).abs() < 1e-12);
        assert!((costs[1].of_wave() - 0.0454).abs() < 1e-12);
    }
}
