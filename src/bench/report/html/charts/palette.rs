//! The colours of the charts, each with its counterpart for dark mode.

use plotters::style::RGBColor;

pub const INK: RGBColor = RGBColor(31, 35, 40);
pub const MUTED: RGBColor = RGBColor(89, 99, 110);
pub const GRID: RGBColor = RGBColor(222, 227, 232);

/// Colours of lines and dots; people who see few colours can distinguish them (Okabe and Ito 2008).
pub const BLUE: RGBColor = RGBColor(0, 114, 178);
pub const ORANGE: RGBColor = RGBColor(213, 94, 0);
pub const GREEN: RGBColor = RGBColor(0, 158, 115);
pub const PINK: RGBColor = RGBColor(204, 121, 167);
pub const SKY: RGBColor = RGBColor(86, 180, 233);

/// Colours of areas that text may stand on.
pub const BLUE_AREA: RGBColor = RGBColor(164, 203, 240);
pub const YELLOW_AREA: RGBColor = RGBColor(240, 214, 140);
pub const ORANGE_AREA: RGBColor = RGBColor(244, 172, 138);
pub const PINK_AREA: RGBColor = RGBColor(226, 185, 209);
pub const GREEN_AREA: RGBColor = RGBColor(160, 217, 194);
pub const GREY_AREA: RGBColor = RGBColor(205, 211, 217);
pub const DARK_GREY_AREA: RGBColor = RGBColor(178, 186, 194);

/// Each colour in light mode, and in dark mode.
const PAIRS: [(RGBColor, RGBColor); 17] = [
    (INK, RGBColor(230, 237, 243)),
    (MUTED, RGBColor(157, 167, 177)),
    (GRID, RGBColor(48, 54, 61)),
    (BLUE, RGBColor(88, 166, 232)),
    (ORANGE, RGBColor(240, 138, 75)),
    (GREEN, RGBColor(60, 196, 154)),
    (PINK, RGBColor(227, 160, 198)),
    (SKY, RGBColor(150, 210, 245)),
    (BLUE_AREA, RGBColor(31, 84, 137)),
    (YELLOW_AREA, RGBColor(110, 84, 20)),
    (ORANGE_AREA, RGBColor(142, 62, 24)),
    (PINK_AREA, RGBColor(112, 58, 92)),
    (GREEN_AREA, RGBColor(24, 96, 73)),
    (GREY_AREA, RGBColor(61, 68, 77)),
    (DARK_GREY_AREA, RGBColor(84, 93, 103)),
    // The defaults of plotters.
    (RGBColor(0, 0, 0), RGBColor(230, 237, 243)),
    (RGBColor(255, 255, 255), RGBColor(13, 17, 23)),
];

/// A colour as plotters writes it into SVG.
pub fn hex(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

/// CSS that makes a flame graph of inferno fit a dark page: the ground and the text on it. Text on frames stays black.
pub const DARK_FLAMES: &str = "@media (prefers-color-scheme: dark) { #background stop { stop-color: #161b22 } \
                               text { fill: #e6edf3 } #frames text { fill: #000000 } #frames > *:hover { stroke: white } #search { opacity: 0.6 } }";

/// CSS for dark mode: the charts get their dark colours.
pub fn dark_css() -> String {
    let rule = |(light, dark): &(RGBColor, RGBColor)| {
        let (light, dark) = (hex(*light), hex(*dark));
        format!("svg [fill=\"{light}\"]{{fill:{dark}}}svg [stroke=\"{light}\"]{{stroke:{dark}}}\n")
    };
    PAIRS.iter().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_colours_are_the_same_in_the_light() {
        for (at, (light, _)) in PAIRS.iter().enumerate() {
            assert!(PAIRS[..at].iter().all(|(other, _)| other != light), "{light:?}");
        }
        assert!(dark_css().contains("svg [fill=\"#1F2328\"]{fill:#E6EDF3}"));
    }

    /// Contrast of two colours as the Web Content Accessibility Guidelines 2.2 define it.
    fn contrast(one: RGBColor, other: RGBColor) -> f64 {
        let luminance = |RGBColor(red, green, blue): RGBColor| {
            let linear = |value: u8| match f64::from(value) / 255.0 {
                value if value <= 0.04045 => value / 12.92,
                value => ((value + 0.055) / 1.055).powf(2.4),
            };
            0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
        };
        let (low, high) = (luminance(one).min(luminance(other)), luminance(one).max(luminance(other)));
        (high + 0.05) / (low + 0.05)
    }

    #[test]
    fn text_can_be_read_on_every_area_in_both_modes() {
        let dark = |colour: RGBColor| PAIRS.iter().find(|(light, _)| *light == colour).unwrap().1;
        let areas = [BLUE_AREA, YELLOW_AREA, ORANGE_AREA, PINK_AREA, GREEN_AREA, GREY_AREA, DARK_GREY_AREA];
        for area in areas {
            assert!(contrast(INK, area) >= 4.5, "{area:?} in the light");
            assert!(
                contrast(dark(INK), dark(area)) >= 4.5,
                "{area:?} in the dark: {}",
                contrast(dark(INK), dark(area))
            );
        }
    }
}
