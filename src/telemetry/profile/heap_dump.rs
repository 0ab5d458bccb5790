//! Heap dumps of jemalloc: the text format of its profiler, with samples scaled to what they stand for.
//! <https://github.com/jemalloc/jemalloc/blob/dev/bin/jeprof.in> (`AdjustSamples` for version 2 of the format)

/// Allocations of one stack, estimated from samples.
#[derive(Clone, Debug, PartialEq)]
pub struct HeapStack {
    /// Return addresses, innermost first.
    pub addresses: Vec<usize>,
    /// Held when the dump was taken.
    pub in_use: Amount,
    /// Allocated since the start, freed or not.
    pub allocated: Amount,
}

/// Objects and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Amount {
    pub objects: f64,
    pub bytes: f64,
}

/// Reads a dump.
///
/// # Errors
/// An error in the format, in words.
pub fn parse(text: &str) -> Result<Vec<HeapStack>, String> {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let rate = first.strip_prefix("heap_v2/").and_then(|rate| rate.trim().parse::<f64>().ok());
    let rate = rate.ok_or_else(|| format!("it begins with {first:?} and not with heap_v2"))?;
    let mut stacks = Vec::new();
    let mut addresses = None;
    for line in lines.map(str::trim) {
        if let Some(list) = line.strip_prefix('@') {
            addresses = Some(parse_addresses(list)?);
        } else if let Some(counts) = line.strip_prefix("t*:") {
            // The first counts are of all stacks together.
            if let Some(addresses) = addresses.take() {
                let (in_use, allocated) = parse_counts(counts, rate).ok_or_else(|| format!("no counts in {line:?}"))?;
                stacks.push(HeapStack { addresses, in_use, allocated });
            }
        }
    }
    Ok(stacks)
}

fn parse_addresses(list: &str) -> Result<Vec<usize>, String> {
    let address = |word: &str| usize::from_str_radix(word.trim_start_matches("0x"), 16);
    list.split_ascii_whitespace().map(|word| address(word).map_err(|_| format!("{word:?} is no address"))).collect()
}

/// Reads ` 28: 4235 [100: 90000]`.
fn parse_counts(text: &str, rate: f64) -> Option<(Amount, Amount)> {
    let (in_use, allocated) = text.split_once('[')?;
    Some((parse_amount(in_use, rate)?, parse_amount(allocated.strip_suffix(']')?, rate)?))
}

/// A sample stands for more than itself: an object of `size` bytes is one with the probability 1 - exp(-size / rate).
fn parse_amount(text: &str, rate: f64) -> Option<Amount> {
    let (objects, bytes) = text.split_once(':')?;
    let (objects, bytes) = (objects.trim().parse::<f64>().ok()?, bytes.trim().parse::<f64>().ok()?);
    if objects == 0.0 {
        return Some(Amount::default());
    }
    let scale = 1.0 / (1.0 - (-(bytes / objects) / rate).exp());
    Some(Amount { objects: objects * scale, bytes: bytes * scale })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_scaled_by_the_chance_of_their_size() {
        let text = "heap_v2/1000\n  t*: 3: 2100 [9: 9000]\n  t0: 3: 2100 [9: 9000]\n\
                    @ 0x10 0x20\n  t*: 2: 2000 [4: 4000]\n  t0: 2: 2000 [4: 4000]\n@ 0x10 0x30\n  t*: 0: 0 [5: 5000000]\n\n\
                    MAPPED_LIBRARIES:\n55-66 r-xp 00000000 fe:00 12 /bin/x\n";
        let stacks = parse(text).unwrap();
        assert_eq!(stacks.len(), 2);
        assert_eq!(stacks[0].addresses, [0x10, 0x20]);
        // Objects of as many bytes as the rate: 1 - 1/e of them are sampled.
        let scale = 1.0 / (1.0 - (-1.0_f64).exp());
        assert!((stacks[0].in_use.bytes - 2000.0 * scale).abs() < 1e-9);
        assert!((stacks[0].allocated.objects - 4.0 * scale).abs() < 1e-9);
        assert_eq!(stacks[1].in_use, Amount::default());
        assert!((stacks[1].allocated.bytes - 5_000_000.0).abs() < 1.0, "large objects are all sampled");
    }

    #[test]
    fn what_is_no_dump_is_named() {
        assert!(parse("").is_err());
        assert!(parse("heap_v2/1\n@ nonsense\n").unwrap_err().contains("nonsense"));
        assert!(parse("heap_v2/1\n@ 0x1\n  t*: x\n").is_err());
    }
}
