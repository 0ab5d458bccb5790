//! Times over a grid of links: measured at some latencies and bandwidths, on a line elsewhere, with the latency above which and the
//! bandwidth below which a build without a cache is faster.

use serde::Serialize;

use crate::analysis::study::cases::CaseSummary;
use crate::analysis::study::summary::Summary;
use crate::plan::run_plan::Plan;
use crate::plan::study::Study;
use crate::scenario::cache_state::CacheState;
use crate::scenario::link::bandwidth::Limit;
use crate::scenario::network_grid::{GridStrategy, LinkGrid};
use gocacheprog::cache::Strategy;

/// Times of all strategies over a grid of links.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Network {
    /// Median of go-cold, the build without a cache; None where it was not run.
    pub empty_ns: Option<f64>,
    /// Median of go-warm.
    pub full_ns: Option<f64>,
    pub strategies: Vec<StrategyGrid>,
}

/// One strategy over the whole grid.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StrategyGrid {
    pub strategy: Strategy,
    /// Columns by bandwidth, in the order of the scenario.
    pub columns: Vec<BandwidthColumn>,
    /// Least bandwidths by latency, where that was measured.
    pub least: Vec<LeastBandwidth>,
}

/// The bandwidth below which a build without a cache is faster, at one latency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LeastBandwidth {
    pub latency_ms: f64,
    /// Through the limited bandwidths; None where fewer than two were measured. Its slope is about the bytes that come.
    pub line: Option<Line>,
    /// The value on the line; None where it does not reach go-cold near the grid.
    pub bytes_per_s: Option<f64>,
}

/// One strategy at one bandwidth.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BandwidthColumn {
    pub bandwidth: Limit,
    /// Points by latency, in the order of the scenario.
    pub points: Vec<Point>,
    /// None where fewer than two latencies were measured.
    pub line: Option<Line>,
    pub crossover: Crossover,
}

/// Time of a build at one latency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Point {
    pub latency_ms: f64,
    /// A median, or a value of the line; None where there is neither.
    pub wall_ns: Option<f64>,
    pub is_measured: bool,
}

/// `wall_ns = base_ns + slope_ns * x`; x is a latency in ms, or what a byte takes on the link in ns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Line {
    pub base_ns: f64,
    pub slope_ns: f64,
    /// Measured points that it was laid through.
    pub points: usize,
}

/// The latency above which a build without a cache is faster than one with a full remote cache.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", tag = "is", content = "latency_ms")]
pub enum Crossover {
    /// This latency by the line, between latencies of the grid.
    At(f64),
    /// This latency by the line, beyond the grid.
    Beyond(f64),
    /// Any latency: the cache is slower even without one.
    Always,
    /// None near the grid: the line hardly rises, or reaches go-cold too far beyond it to be believed.
    Never,
    /// Not known without go-cold or without a line.
    Unknown,
}

/// A line is believed up to so many times the largest latency of the grid.
const BELIEVED: f64 = 10.0;

impl Network {
    /// The times of the cases of a grid; None in other studies.
    pub fn of(cases: &[CaseSummary], plan: &Plan, summary: &Summary) -> Option<Network> {
        let Study::Network { grid } = &plan.study else { return None };
        let median = |state| summary.state(state).map(|state| state.wall_median_ns);
        let empty_ns = median(CacheState::GoCold);
        let wall = |strategy, limit, latency| wall_ns(cases, plan, strategy, limit, latency);
        let strategies = grid.strategies.iter().map(|of| StrategyGrid {
            strategy: of.strategy,
            columns: grid.bandwidth.iter().map(|limit| column(grid, of, *limit, empty_ns, &wall)).collect(),
            least: latencies(grid, of).iter().map(|latency| least(grid, of, *latency, empty_ns, &wall)).collect(),
        });
        Some(Network { empty_ns, full_ns: median(CacheState::GoWarm), strategies: strategies.collect() })
    }
}

impl Line {
    /// Least squares through (latency in ms, wall in ns); None for fewer than two latencies.
    ///
    /// The textbook's closed form: slope = cov(x, y) / var(x), through the point of the means.
    pub fn fit(points: &[(f64, f64)]) -> Option<Line> {
        let count = points.len() as f64;
        let mean = |pick: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(pick).sum::<f64>() / count;
        let (x, y) = (mean(&|point| point.0), mean(&|point| point.1));
        let variance: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
        let covariance: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
        let slope = covariance / variance;
        slope.is_finite().then_some(Line { base_ns: y - slope * x, slope_ns: slope, points: points.len() })
    }

    /// Its value at a latency.
    pub fn at(&self, latency_ms: f64) -> f64 {
        self.base_ns + self.slope_ns * latency_ms
    }

    /// The latency at which it reaches `empty_ns`, seen from a grid that ends at `last_ms`.
    pub fn crossover(&self, empty_ns: f64, last_ms: f64) -> Crossover {
        let at = (empty_ns - self.base_ns) / self.slope_ns;
        if self.base_ns >= empty_ns {
            Crossover::Always
        } else if self.slope_ns <= 0.0 || at > BELIEVED * last_ms {
            Crossover::Never
        } else if at > last_ms {
            Crossover::Beyond(at)
        } else {
            Crossover::At(at)
        }
    }
}

/// Median of remote-hit at one point of the grid, where it was measured.
fn wall_ns(cases: &[CaseSummary], plan: &Plan, strategy: Strategy, limit: Limit, latency_ms: f64) -> Option<f64> {
    let is_here = |name: &str| {
        let case = plan.cases.iter().find(|case| case.slug == name);
        case.is_some_and(|case| {
            let link = case.link.map(|link| (link.latency_ms, link.bandwidth));
            case.strategy == strategy && link == Some((latency_ms, limit.0))
        })
    };
    let found = cases.iter().find(|case| case.figures.state == CacheState::RemoteHit && is_here(&case.slug))?;
    Some(found.figures.wall_median_ns)
}

/// The latencies at which a strategy was measured.
fn latencies<'a>(grid: &'a LinkGrid, of: &'a GridStrategy) -> &'a [f64] {
    of.latency_ms.as_ref().unwrap_or(&grid.latency_ms)
}

fn least(
    grid: &LinkGrid,
    of: &GridStrategy,
    latency_ms: f64,
    empty_ns: Option<f64>,
    wall: &dyn Fn(Strategy, Limit, f64) -> Option<f64>,
) -> LeastBandwidth {
    let point = |limit: &Limit| Some((limit.0?.ns_a_byte(), wall(of.strategy, *limit, latency_ms)?));
    let points: Vec<(f64, f64)> = grid.bandwidth.iter().filter_map(point).collect();
    let line = Line::fit(&points);
    let slowest = points.iter().map(|(ns_a_byte, _)| *ns_a_byte).fold(0.0, f64::max);
    let met = line.zip(empty_ns).map(|(line, empty)| line.crossover(empty, slowest));
    let bytes_per_s = match met {
        Some(Crossover::At(ns_a_byte) | Crossover::Beyond(ns_a_byte)) => Some(1e9 / ns_a_byte),
        _ => None,
    };
    LeastBandwidth { latency_ms, line, bytes_per_s }
}

fn column(
    grid: &LinkGrid,
    of: &GridStrategy,
    limit: Limit,
    empty_ns: Option<f64>,
    wall: &dyn Fn(Strategy, Limit, f64) -> Option<f64>,
) -> BandwidthColumn {
    let measured =
        latencies(grid, of).iter().filter_map(|latency| Some((*latency, wall(of.strategy, limit, *latency)?)));
    let line = Line::fit(&measured.collect::<Vec<(f64, f64)>>());
    let point = |latency_ms: &f64| {
        let measured = wall(of.strategy, limit, *latency_ms);
        let wall_ns = measured.or_else(|| Some(line?.at(*latency_ms)));
        Point { latency_ms: *latency_ms, wall_ns, is_measured: measured.is_some() }
    };
    let last = grid.latency_ms.iter().copied().fold(0.0, f64::max);
    let by_line = line.zip(empty_ns).map(|(line, empty)| line.crossover(empty, last));
    // What was measured counts for more than the line.
    let slower = latencies(grid, of)
        .iter()
        .find(|latency| wall(of.strategy, limit, **latency).zip(empty_ns).is_some_and(|(wall, empty)| wall >= empty));
    let crossover = match (by_line, slower) {
        (Some(Crossover::Beyond(_) | Crossover::Never), Some(latency)) => Some(Crossover::At(*latency)),
        _ => by_line,
    };
    BandwidthColumn {
        bandwidth: limit,
        points: grid.latency_ms.iter().map(point).collect(),
        line,
        crossover: crossover.unwrap_or(Crossover::Unknown),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::analysis::study::cases::summaries;
    use crate::analysis::study::cases::tests::measured;
    use crate::plan::run_plan::tests::plan_of;
    use crate::scenario::link::Link;
    use crate::scenario::link::bandwidth::Bandwidth;

    /// async measured at 0 and 5 ms, pack at 0, 5 and 20, with a second and a bit for no cache.
    pub fn study() -> Study {
        let text = "latency_ms = [0, 5, 20]\nbandwidth = [\"not limited\"]\n\
                    strategies = [{ strategy = \"pack\" }, { strategy = \"async\", latency_ms = [0, 5] }]";
        Study::Network { grid: toml::from_str(text).unwrap() }
    }

    pub fn network() -> Network {
        let Study::Network { grid } = study() else { unreachable!() };
        let resolve = |spec: crate::scenario::case::CaseSpec| spec.resolve(Strategy::Async, Some(Link::default()), 1);
        let mut plan =
            plan_of(&[CacheState::GoCold, CacheState::RemoteHit], grid.cases().into_iter().map(resolve).collect());
        plan.study = Study::Network { grid };
        let walls = [[300, 310, 305], [301, 312, 306], [340, 320, 330]];
        let mut rounds = measured(CacheState::GoCold, None, &[1100]);
        rounds.extend(
            walls.iter().enumerate().flat_map(|(case, walls)| measured(CacheState::RemoteHit, Some(case), walls)),
        );
        rounds.extend(measured(CacheState::RemoteHit, Some(3), &[400]));
        rounds.extend(measured(CacheState::RemoteHit, Some(4), &[600]));
        let summary = Summary::of(&rounds, &plan);
        Network::of(&summaries(&rounds, &plan), &plan, &summary).unwrap()
    }

    #[test]
    fn the_line_is_that_of_the_textbook() {
        // Anscombe's first quartet (1973): y = 3.00 + 0.500 x.
        let x = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0];
        let y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
        let line = Line::fit(&x.into_iter().zip(y).collect::<Vec<_>>()).unwrap();
        assert!((line.base_ns - 3.0).abs() < 0.001 && (line.slope_ns - 0.5).abs() < 0.001, "{line:?}");
        assert_eq!(Line::fit(&[(1.0, 2.0)]), None);
        assert_eq!(Line::fit(&[(1.0, 2.0), (1.0, 3.0)]), None);
    }

    #[test]
    fn the_crossover_is_where_the_line_meets_no_cache() {
        let line = |base_ns, slope_ns| Line { base_ns, slope_ns, points: 2 };
        assert_eq!(line(4e9, 1.5e9).crossover(40e9, 100.0), Crossover::At(24.0));
        assert_eq!(line(1e9, 0.1e9).crossover(40e9, 100.0), Crossover::Beyond(390.0));
        assert_eq!(line(41e9, 1e9).crossover(40e9, 100.0), Crossover::Always);
        assert_eq!(line(1e9, 0.01e9).crossover(40e9, 100.0), Crossover::Never);
        assert_eq!(line(1e9, 0.0).crossover(40e9, 100.0), Crossover::Never);
        assert_eq!(line(1e9, -5e6).crossover(40e9, 100.0), Crossover::Never);
    }

    #[test]
    fn the_least_bandwidth_is_where_the_bytes_take_as_long_as_no_cache() {
        let text = "latency_ms = [20]\nbandwidth = [\"not limited\", \"1 Gbit/s\", \"80 Mbit/s\"]\n\
                    strategies = [{ strategy = \"pack\" }]";
        let grid: LinkGrid = toml::from_str(text).unwrap();
        // One second, and 100 MB over the link.
        let wall = |_, limit: Limit, _| Some(1e9 + 100e6 * limit.0.map_or(0.0, Bandwidth::ns_a_byte));
        let found = least(&grid, &grid.strategies[0], 20.0, Some(51e9), &wall);
        assert!((found.bytes_per_s.unwrap() - 2e6).abs() < 1.0, "{found:?}");
        let found = least(&grid, &grid.strategies[0], 20.0, Some(1e13), &wall);
        assert_eq!(found.bytes_per_s, None);
    }

    #[test]
    fn what_was_not_measured_lies_on_the_line() {
        let network = network();
        let points = |strategy: usize| &network.strategies[strategy].columns[0].points;
        let is_measured = |strategy| points(strategy).iter().map(|point| point.is_measured).collect::<Vec<bool>>();
        assert_eq!((is_measured(0), is_measured(1)), (vec![true, true, true], vec![true, true, false]));
        assert_eq!(points(0)[2].wall_ns, Some(330e6));
        assert!((points(1)[2].wall_ns.unwrap() - 1200e6).abs() < 1.0);
        let Crossover::At(latency) = network.strategies[1].columns[0].crossover else { panic!("{network:?}") };
        assert!((latency - 17.5).abs() < 1e-6);
    }
}
