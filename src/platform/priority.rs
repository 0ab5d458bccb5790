//! The share of the processors that a thread asks for.

/// On Linux a tenth of the processor against one thread of the usual priority, and all of it against none. Lower than
/// that, a busy machine could let a thread wait for longer than a connection may take.
#[cfg(target_os = "linux")]
const STEP_BACK: i32 = 10;

/// Lets this thread, and those it starts, run behind others. Elsewhere than on Linux a priority belongs to a whole
/// process, so nothing is done there.
pub fn step_back() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(STEP_BACK);
}
