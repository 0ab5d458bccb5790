//! The tables of a scenario with machines: a row a wave, and what S3 would ask for it. Reads results, computes nothing.

use crate::analysis::study::ci::WaveSummary;
use crate::report::terminal::grid::Grid;
use crate::report::text::units;
use crate::report::text::units::Column;
use crate::results::round::ServerSeen;
use crate::scenario::ci::{Prices, Share, Start};

/// A row a wave: what the machines did, and what that costs.
pub fn grids(waves: &[WaveSummary]) -> [Grid; 2] {
    [work(waves), costs(waves)]
}

fn work(waves: &[WaveSummary]) -> Grid {
    let walls = |pick: &dyn Fn(&WaveSummary) -> f64| -> Vec<Option<f64>> {
        waves.iter().map(|wave| Some(pick(wave))).collect()
    };
    let text = |pick: &dyn Fn(&WaveSummary) -> String| Column { unit: None, cells: waves.iter().map(pick).collect() };
    let rate = |rate: Option<f64>| rate.map_or(units::MISSING.to_owned(), units::percent);
    Grid::of_columns(&[
        ("machines", text(&group)),
        ("wave", text(&|wave| wave.wave.to_string())),
        ("of", text(&|wave| wave.started.to_string())),
        ("slowest", units::duration_column(&walls(&|wave| wave.slowest_ns))),
        ("sum", units::duration_column(&walls(&|wave| wave.sum_ns))),
        ("gets", text(&|wave| wave.gets.to_string())),
        ("local", text(&|wave| rate(wave.local_rate))),
        ("remote", text(&|wave| rate(wave.remote_rate))),
        ("pending", text(&|wave| wave.uploads_left.to_string())),
    ])
}

fn costs(waves: &[WaveSummary]) -> Grid {
    let text = |pick: &dyn Fn(&WaveSummary) -> String| Column { unit: None, cells: waves.iter().map(pick).collect() };
    let count = |pick: &dyn Fn(&ServerSeen) -> u64| {
        text(&|wave| units::count(wave.server.as_ref().map(|server| pick(server) as f64)))
    };
    let size = |pick: &dyn Fn(&WaveSummary) -> Option<u64>| {
        units::size_column(&waves.iter().map(|wave| pick(wave).map(|bytes| bytes as f64)).collect::<Vec<_>>())
    };
    let dollars = |value: Option<f64>| value.map_or(units::MISSING.to_owned(), |value| format!("{value:.5}"));
    Grid::of_columns(&[
        ("machines", text(&group)),
        ("wave", text(&|wave| wave.wave.to_string())),
        ("GET", count(&|server| server.gets)),
        ("PUT", count(&|server| server.puts)),
        ("LIST", count(&|server| server.lists)),
        ("DELETE", count(&|server| server.deletes)),
        ("down", size(&|wave| wave.server.map(|server| server.bytes_out))),
        ("up", size(&|wave| wave.server.map(|server| server.bytes_in))),
        ("stored", size(&|wave| wave.stored_bytes)),
        ("$ wave", text(&|wave| dollars(wave.cost.map(|cost| cost.of_wave())))),
        ("$ month", text(&|wave| dollars(wave.cost.map(|cost| cost.stored_month)))),
    ])
}

/// Notes on the tables.
pub fn notes(waves: &[WaveSummary], prices: &Prices) -> Vec<String> {
    let shared = "All machines share the cores of this one: compare the waves with each other. pending: uploads that were not finished at exit.";
    let priced = format!(
        "$ wave: requests and bytes out; $ month: what the bucket holds after the wave. At {} a thousand PUT and LIST, {} a \
         thousand GET, {} a GB out, {} a GB and month: change them under [prices].",
        prices.put_and_list_per_1000, prices.get_per_1000, prices.out_per_gb, prices.stored_per_gb_month
    );
    let doubts = waves.iter().flat_map(|wave| wave.doubts.iter().map(|doubt| format!("Do not trust {doubt}.")));
    doubts.chain([shared.to_owned(), priced]).collect()
}

/// `8, the same, one seeds, wave 2`.
pub fn wave_name(wave: &WaveSummary) -> String {
    format!("{}, wave {}", group(wave), wave.wave)
}

/// `8, the same, one seeds`.
fn group(wave: &WaveSummary) -> String {
    format!("{}, {}, {}", wave.machines, builds(wave.builds), start(wave.start))
}

fn builds(builds: Share) -> &'static str {
    match builds {
        Share::Same => "the same",
        Share::Neighbouring => "neighbours",
    }
}

fn start(start: Start) -> &'static str {
    match start {
        Start::OneSeeds => "one seeds",
        Start::AllAtOnce => "all at once",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::study::ci::tests::waves;
    use crate::report::terminal::grid::View;
    use crate::report::text::wrap::wrapped;

    #[test]
    fn rates_requests_and_costs_have_their_columns() {
        let waves = waves();
        let tables = grids(&waves).map(|grid| grid.render(View { width: 100, colour: false }));
        let text = format!("{}\n{}", tables.join("\n"), wrapped(&notes(&waves, &Prices::default()), 100));
        for words in ["3, the same, one seeds", "75 %", "2000", "0.04540", "0.02300", "0.005 a thousand"] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        assert!(!text.contains("too narrow"), "{text}");
    }
}
