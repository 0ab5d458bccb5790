//! The wall-time breakdown: one bar for each state or case, of parts that add up.

use anyhow::Result;
use maud::{Markup, html};
use plotters::style::RGBColor;
use plotters::style::text_anchor::HPos;

use crate::report::html::charts::chart;
use crate::report::html::charts::chart::{Axis, Mark, Width};
use crate::report::html::charts::palette::{BLUE_AREA, DARK_GREY_AREA, GREY_AREA, ORANGE_AREA, PINK_AREA, YELLOW_AREA};
use crate::report::text::units;
use crate::results::time_breakdown::TimeBreakdown;

/// The height of a row, pixels: a line of text, and the bar below it.
const ROW: u32 = 56;
const NAME: f64 = 12.0;
const BAR: (f64, f64) = (24.0, 46.0);
/// The narrowest part that has room for its number, pixels.
const ROOM: f64 = 40.0;

/// The parts in the order of time, as far as they have one.
const PARTS: [(&str, RGBColor); 6] = [
    ("startup", GREY_AREA),
    ("go only", BLUE_AREA),
    ("overlapped", YELLOW_AREA),
    ("blocked on cache", ORANGE_AREA),
    ("close", PINK_AREA),
    ("exit", DARK_GREY_AREA),
];

/// One bar for each account, with its name.
///
/// # Errors
/// When plotters fails.
pub fn render(accounts: &[(String, &TimeBreakdown)]) -> Result<Markup> {
    let bars = chart::both("Wall-time breakdown", |width| bars(width, accounts))?;
    Ok(html! {
        (chart::legend(&PARTS.map(|(name, colour)| (Mark::Area(colour), name))))
        (bars)
    })
}

fn bars(width: Width, accounts: &[(String, &TimeBreakdown)]) -> Result<String> {
    let height = ROW * accounts.len() as u32;
    chart::svg(width, chart::height(height), |area, hover| {
        let axis = Axis { title: "share of the wall time, %", format: &|percent| format!("{percent:.0}") };
        let chart = chart::rows(area, width, 0.0..100.0, height, &axis)?;
        for ((name, account), top) in accounts.iter().zip((0..height).step_by(ROW as usize).map(f64::from)) {
            chart::write(&chart, name, (0.0, top + NAME), HPos::Left)?;
            let wall = units::duration(account.wall_ns as f64);
            chart::write(&chart, &wall, (100.0, top + NAME), HPos::Right)?;
            let mut from = 0.0;
            let parts = parts(account);
            for (((part, colour), ns), words) in PARTS.into_iter().zip(parts).zip(units::shares(parts)) {
                let share = ns as f64 / account.wall_ns.max(1) as f64;
                let to = from + share * 100.0;
                let (corner, opposite) = ((from, top + BAR.0), (to, top + BAR.1));
                chart::fill(&chart, corner, opposite, colour)?;
                let title = format!("{part}: {} ({words})", units::duration(ns as f64));
                hover.area(&chart, corner, opposite, title);
                if share * width.plot() >= ROOM {
                    let middle = ((from + to) / 2.0, top + (BAR.0 + BAR.1) / 2.0);
                    chart::write(&chart, &words, middle, HPos::Center)?;
                }
                from = to;
            }
        }
        Ok(())
    })
}

fn parts(account: &TimeBreakdown) -> [u64; PARTS.len()] {
    let TimeBreakdown { startup_ns, handshake_ns, go_only_ns, overlapped_ns, blocked_ns, close_ns, exit_ns, .. } =
        account;
    [startup_ns + handshake_ns, *go_only_ns, *overlapped_ns, *blocked_ns, *close_ns, *exit_ns]
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::results::time_breakdown::BuildTimes;
    use crate::results::time_breakdown::tests::log;

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
        let account = TimeBreakdown::of(frame, &log(Vec::new()));
        let page = render(&[("b, round <6>".to_owned(), &account)]).unwrap().into_string();
        assert!(page.contains("b, round &lt;6&gt;") && page.contains("79 %") && page.contains("10 %"), "{page}");
        assert!(page.contains("<title>startup: 110 ns (11 %)</title>"), "{page}");
    }
}
