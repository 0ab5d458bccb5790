//! The share of the processors that a thread asks for.

/// The lowest: next to nothing while anybody else wants the processor, all of it when nobody does. Such a thread may wait
/// for seconds on a busy machine.
#[cfg(target_os = "linux")]
const LOWEST: i32 = 19;

/// Lets this thread, and those it starts, run behind others. Elsewhere than on Linux a priority belongs to a whole
/// process, so nothing is done there.
pub fn step_back() {
    #[cfg(target_os = "linux")]
    // SAFETY: it takes a number and touches no memory of this process.
    let _ = unsafe { libc::nice(LOWEST) };
}
