//! Where the wall clock went, as one bar a state or case, of parts that add up.

use anyhow::Result;
use maud::{Markup, html};
use plotters::style::RGBColor;
use plotters::style::text_anchor::HPos;

use crate::bench::report::html::chart;
use crate::bench::report::html::chart::{Axis, Mark, Width};
use crate::bench::report::html::palette::{
    BLUE_AREA, DARK_GREY_AREA, GREEN_AREA, GREY_AREA, ORANGE_AREA, PINK_AREA, YELLOW_AREA,
};
use crate::bench::report::text::units;
use crate::bench::results::time_breakdown::TimeBreakdown;

/// Of a row, pixels: a line of text, and the bar below it.
const ROW: u32 = 56;
const NAME: f64 = 12.0;
const BAR: (f64, f64) = (24.0, 46.0);
/// A part of fewer pixels has no room for its number.
const ROOM: f64 = 40.0;

/// In the order of time, as far as they have one.
const PARTS: [(&str, RGBColor); 7] = [
    ("until the backend runs", GREY_AREA),
    ("handshake", GREEN_AREA),
    ("go alone", BLUE_AREA),
    ("both", YELLOW_AREA),
    ("go waits for the cache", ORANGE_AREA),
    ("close", PINK_AREA),
    ("end", DARK_GREY_AREA),
];

/// One bar for each breakdown, with its name.
///
/// # Errors
/// Those of plotters.
pub fn render(breakdowns: &[(String, &TimeBreakdown)]) -> Result<Markup> {
    let bars = chart::both("Shares of the wall clock", |width| bars(width, breakdowns))?;
    Ok(html! {
        (chart::legend(&PARTS.map(|(name, colour)| (Mark::Area(colour), name))))
        (bars)
    })
}

fn bars(width: Width, breakdowns: &[(String, &TimeBreakdown)]) -> Result<String> {
    let height = ROW * breakdowns.len() as u32;
    chart::svg(width, chart::height(height), |area| {
        let axis = Axis { title: "share of the wall clock, %", format: &|percent| format!("{percent:.0}") };
        let chart = chart::rows(area, width, 0.0..100.0, height, &axis)?;
        for ((name, time_breakdown), top) in breakdowns.iter().zip((0..height).step_by(ROW as usize).map(f64::from)) {
            chart::write(&chart, name, (0.0, top + NAME), HPos::Left)?;
            let wall = units::duration(time_breakdown.wall_ns as f64);
            chart::write(&chart, &wall, (100.0, top + NAME), HPos::Right)?;
            let mut from = 0.0;
            for ((_, colour), ns) in PARTS.into_iter().zip(parts(time_breakdown)) {
                let share = ns as f64 / time_breakdown.wall_ns.max(1) as f64;
                let to = from + share * 100.0;
                chart::fill(&chart, (from, top + BAR.0), (to, top + BAR.1), colour)?;
                if share * width.plot() >= ROOM {
                    let middle = ((from + to) / 2.0, top + (BAR.0 + BAR.1) / 2.0);
                    chart::write(&chart, &units::percent(share), middle, HPos::Center)?;
                }
                from = to;
            }
        }
        Ok(())
    })
}

fn parts(time_breakdown: &TimeBreakdown) -> [u64; PARTS.len()] {
    let TimeBreakdown { startup_ns, handshake_ns, go_only_ns, overlapped_ns, blocked_ns, close_ns, exit_ns, .. } =
        time_breakdown;
    [startup_ns, handshake_ns, go_only_ns, overlapped_ns, blocked_ns, close_ns, exit_ns].map(|ns| *ns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::time_breakdown::BuildTimes;
    use crate::bench::results::time_breakdown::tests::log;

    #[test]
    fn a_bar_has_all_parts_and_the_large_ones_their_share() {
        let frame = BuildTimes {
            backend_ns: 100,
            handshake_ns: 110,
            released_ns: 900,
            wall_ns: 1000,
            workers: 2,
            cores: 2,
            go_cpu_ns: 0,
        };
        let time_breakdown = TimeBreakdown::of(frame, &log(Vec::new()));
        let page = render(&[("b, round <6>".to_owned(), &time_breakdown)]).unwrap().into_string();
        assert!(page.contains("b, round &lt;6&gt;") && page.contains("79 %") && page.contains("10 %"), "{page}");
        assert!(!page.contains("1.0 %"), "the handshake has no room for its number");
    }
}
