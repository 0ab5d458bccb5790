//! Sizes as people write them: `10GB`, `10GiB`, `10G`.

const HOW: &str = "write a number and K, M, G or T, as 500MB or 10G";

/// Bytes of a size. `K`, `M`, `G`, `T`, with or without `iB` or `i`, are powers of 1024; `KB`, `MB`, `GB`, `TB` are powers of
/// 1000; a bare number is bytes. Upper and lower case are the same.
///
/// # Errors
/// Why `text` is not a size, to follow the word "is".
pub fn size(text: &str) -> Result<u64, String> {
    let bytes = scaled(text, unit_bytes).ok_or_else(|| format!("not a size ({HOW})"))?;
    // The next number after the largest u64.
    if bytes >= u64::MAX as f64 { Err("more bytes than a number can hold".to_owned()) } else { Ok(bytes as u64) }
}

/// A number times the value of the unit behind it; None if `text` is not of that form. Underscores may group digits.
pub fn scaled(text: &str, unit: impl Fn(&str) -> Option<f64>) -> Option<f64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let (number, name) = text.split_at(digits);
    Some(number.replace('_', "").parse::<f64>().ok()? * unit(name.trim())?)
}

fn unit_bytes(unit: &str) -> Option<f64> {
    let unit = unit.to_ascii_uppercase();
    let (letter, base) = match unit.as_str() {
        "" | "B" => return Some(1.0),
        unit => match (unit.strip_suffix("IB").or(unit.strip_suffix('I')), unit.strip_suffix('B')) {
            (Some(letter), _) => (letter, 1024_f64),
            (None, Some(letter)) => (letter, 1000.0),
            (None, None) => (unit, 1024.0),
        },
    };
    let power = match letter {
        "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        _ => return None,
    };
    Some(base.powi(power))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_1024_and_with_a_b_alone_of_1000() {
        for (text, expected) in [
            ("0", 0),
            ("123", 123),
            ("123B", 123),
            ("2K", 2048),
            ("2k", 2048),
            ("2kB", 2000),
            ("500M", 500 << 20),
            ("500MB", 500_000_000),
            ("10G", 10 << 30),
            ("10GB", 10_000_000_000),
            ("10gb", 10_000_000_000),
            ("10GiB", 10 << 30),
            ("10Gi", 10 << 30),
            ("10 GiB", 10 << 30),
            (" 10G\n", 10 << 30),
            ("1.5G", 3 << 29),
            ("1T", 1 << 40),
            ("1TB", 1_000_000_000_000),
        ] {
            assert_eq!(size(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "G", "GB", "-1", "1.2.3", "1,5G", "10 bananas", "10X", "1iB", "1i", "10GiBB", "inf", "NaN"] {
            assert!(size(text).unwrap_err().starts_with("not a size"), "{text}");
        }
        for text in ["99999999999999999999", "99999999T", "18446744073709551616"] {
            assert_eq!(size(text), Err("more bytes than a number can hold".to_owned()), "{text}");
        }
    }
}
