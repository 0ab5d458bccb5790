//! Signals: the tap outlives those that ask for an end, because go and the program decide when the session ends.
//!
//! The program is in the process group of go and the tap, so a signal to the group, as Ctrl-C is one, reaches it without us. One
//! that was sent to the tap alone is passed on to it.

use std::os::unix::process::parent_id;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::Cause;

use gocacheprog::note::note;
use gocacheprog::platform;

use crate::tap::tapped::Tapped;

/// A signal to the whole group ends go within this time, or the program.
const GROUP_ENDS_WITHIN: Duration = Duration::from_millis(100);

/// From now on these signals do not end this process.
pub struct Caught(Option<SignalsInfo<WithOrigin>>);

impl Caught {
    /// Catches them. A hang-up that is ignored, as `nohup` has it, stays so.
    pub fn listen() -> Self {
        let hangup = if platform::ignores_hangup() { None } else { Some(SIGHUP) };
        let all: Vec<i32> = [SIGINT, SIGTERM, SIGQUIT].into_iter().chain(hangup).collect();
        let caught = SignalsInfo::<WithOrigin>::new(&all);
        Self(caught.inspect_err(|error| note(format_args!("signals end the tap at once: {error}"))).ok())
    }

    /// Notes signals on a thread of their own, and passes those on that the program did not get itself.
    pub fn pass_on_to(self, program: u32, tapped: Arc<Tapped>) {
        let Some(mut caught) = self.0 else { return };
        let go = parent_id();
        std::thread::spawn(move || {
            for origin in caught.forever() {
                tapped.signals.lock().expect("no thread of the tap panics").push(origin.signal);
                if origin.cause == Cause::Kernel {
                    // The terminal sends to the group.
                    continue;
                }
                std::thread::sleep(GROUP_ENDS_WITHIN);
                let was_to_group = parent_id() != go || tapped.is_reaped.load(Ordering::SeqCst);
                if let (false, Ok(signal)) = (was_to_group, Signal::try_from(origin.signal)) {
                    // An error says that it has ended.
                    let _ = kill(Pid::from_raw(program.cast_signed()), signal);
                }
            }
        });
    }
}
