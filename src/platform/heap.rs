//! What the allocator of this process has given out.

/// Bytes that the allocator has given out and not got back, without what it keeps for later. `None` where the C library
/// does not tell.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn heap_in_use_bytes() -> Option<u64> {
    // SAFETY: mallinfo takes nothing and returns plain numbers; it locks each arena while it looks. Not mallinfo2, which
    // C libraries before 2.33 lack: its numbers are right up to 2 GiB an arena area, and unsigned up to 4.
    let info = unsafe { libc::mallinfo() };
    let bytes = |field: libc::c_int| u64::from(field.cast_unsigned());
    Some(bytes(info.uordblks) + bytes(info.hblkhd))
}

/// Bytes that the allocator has given out and not got back. `None` where the C library does not tell.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn heap_in_use_bytes() -> Option<u64> {
    None
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    #[test]
    fn a_big_block_is_seen() {
        let before = heap_in_use_bytes().unwrap();
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);
        let with = heap_in_use_bytes().unwrap();
        assert!(with >= before + (32 << 20), "{before} {with} {}", block.len());
    }
}
