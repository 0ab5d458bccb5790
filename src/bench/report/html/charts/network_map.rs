//! A grid of links as panels, one for each bandwidth: the picture of `network.svg`, with text that can be read on a phone.

use anyhow::Result;
use maud::{Markup, html};

use crate::analysis::study::network::Network;
use crate::report::html::charts::chart;
use crate::report::html::charts::chart::{LINE, Mark, TEXT, Width};
use crate::report::network_plot;
use crate::report::network_plot::{EMPTY, FULL, Look, colours};

/// The height of a panel, pixels.
const HEIGHT: u32 = 280;

/// The panels and their legend.
///
/// # Errors
/// When plotters fails.
pub fn render(network: &Network) -> Result<Markup> {
    let map = chart::both("Wall time over latency, a panel for each bandwidth", |width| {
        network_plot::svg(network, look(width))
    })?;
    let names = network.strategies.iter().map(|of| of.strategy.name());
    let strategies = colours().zip(names).map(|(colour, name)| (Mark::Dot(colour), name));
    let baselines = [(Mark::Dashes(EMPTY), "no cache"), (Mark::Dashes(FULL), "go's own cache")];
    Ok(html! {
        (chart::legend(&strategies.chain(baselines).collect::<Vec<_>>()))
        (map)
        p.hint { "Dots were measured. Where a line is above 'no cache', a build without a cache is faster." }
    })
}

fn look(width: Width) -> Look {
    let columns = match width {
        Width::Wide => 2,
        Width::Narrow => 1,
    };
    Look { columns, panel: (width.pixels() / columns as u32, HEIGHT), text: TEXT * LINE, has_legend: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::study::network::tests::network;

    #[test]
    fn each_strategy_is_in_the_legend_and_in_both_pictures() {
        let page = render(&network()).unwrap().into_string();
        assert!(page.contains("pack") && page.contains("async") && page.contains("no cache"), "{page}");
        // Five points in two widths, and two in the legend.
        assert_eq!(page.matches("<circle").count(), 2 * 5 + 2);
    }
}
