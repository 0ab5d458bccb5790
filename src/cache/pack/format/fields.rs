//! Numbers of packs and manifests, read off their bytes: little endian, one after the other.

/// Takes fields off a slice; `None` at its end.
pub struct Fields<'a>(pub &'a [u8]);

impl Fields<'_> {
    /// The next bytes as they are.
    pub fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    /// The next four bytes.
    pub fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    /// The next eight.
    pub fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }
}
