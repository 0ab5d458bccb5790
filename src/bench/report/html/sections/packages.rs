//! "Which packages does the cache save?": savings by size, and each package.

use maud::{Markup, html};

use crate::analysis::time::savings::{PackageSaved, Savings};
use crate::report::html::sections::Section;
use crate::report::html::sections::table::table;
use crate::report::terminal::grid::Grid;
use crate::report::terminal::savings;
use crate::report::text::cell::{Cell, Tone};
use crate::report::text::units;

/// The largest number of packages in a table: half with the largest savings, half with the smallest.
const MOST: usize = 60;

/// The section.
pub fn section(all: &[Savings]) -> Section {
    let mut section = Section::new("packages", "Which packages does the cache save?");
    section.add("savings", None, (!all.is_empty()).then(|| render(all)));
    section
}

fn render(all: &[Savings]) -> Markup {
    html! {
        p.hint {
            "Saved: the commands that only the build with an empty cache ran for a package, less the time that its requests were open. \
             Sums over go's workers, not parts of the wall time."
        }
        (table(&savings::grid(all)))
        @for of in all { (packages(of)) }
    }
}

fn packages(of: &Savings) -> Markup {
    let mut known: Vec<(&PackageSaved, i64)> =
        of.packages.iter().filter_map(|package| Some((package, package.saved_ns?))).collect();
    known.sort_by_key(|(_, saved_ns)| -saved_ns);
    let all = known.len();
    if all > MOST {
        known.drain(MOST / 2..all - MOST / 2);
    }
    html! {
        @if all > 0 {
            details {
                summary { (savings::name(&of.folder)) ": " (units::counted(all, "package")) ", sorted by savings" }
                @if known.len() < all { p.hint { "The " (MOST / 2) " with the largest savings and the " (MOST / 2) " with the smallest." } }
                (table(&grid(&known)))
            }
        }
    }
}

fn grid(packages: &[(&PackageSaved, i64)]) -> Grid {
    let time = |ns: Option<u64>| Cell::from(ns.map_or(units::MISSING.to_owned(), |ns| units::duration(ns as f64)));
    let sizes: Vec<Option<f64>> = packages.iter().map(|(package, _)| Some(package.bytes? as f64)).collect();
    let sizes = units::size_column(&sizes);
    let unit = sizes.unit.unwrap_or_default();
    let rows = packages.iter().zip(sizes.cells).map(|((package, saved_ns), size)| {
        let (sign, tone) = if *saved_ns < 0 { ("−", Tone::Bad) } else { ("", Tone::Plain) };
        let saved = Cell { text: format!("{sign}{}", units::duration(saved_ns.unsigned_abs() as f64)), tone };
        let gets = package.gets.to_string().into();
        let (waited, compiled) = (time(package.waited_ns), time(package.compiled_ns));
        vec![package.package.as_str().into(), size.into(), gets, waited, compiled, saved]
    });
    Grid::new(&["package", &format!("output\n{unit}"), "gets", "waited", "compiled", "saved"], rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::terminal::savings::tests::{saved, savings};

    #[test]
    fn packages_are_sorted_by_savings_and_losses_are_marked() {
        let of = savings(vec![saved("costs <more>", 9_000_000, 1_000_000), saved("saves", 1_000_000, 9_000_000)]);
        let page = section(&[of]).render().into_string();
        let (costly, good) = (page.find("costs &lt;more&gt;").unwrap(), page.find(">saves<").unwrap());
        assert!(good < costly && page.contains("<td class=\"slower\">−8.0 ms</td>"), "{page}");
        assert!(page.contains("remote-hit: 2 packages, sorted by savings"), "{page}");
        assert!(section(&[]).parts.is_empty());
    }

    #[test]
    fn of_many_packages_both_ends_are_shown() {
        let many = (0..100).map(|number| saved(&format!("p{number}."), 1, number * 1000)).collect();
        let page = section(&[savings(many)]).render().into_string();
        assert!(page.contains("100 packages") && page.contains("The 30 with the largest savings"), "{page}");
        assert!(page.contains(">p99.<") && page.contains(">p0.<") && !page.contains(">p50.<"), "{page}");
    }
}
