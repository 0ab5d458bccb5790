//! Settings: flags over variables over defaults, the forms in which people write their values, and the default folders.
//!
//! No value of a variable fails a build: a session leaves out what it cannot read, and says so. It knows no cache and no
//! session.

mod choice;
mod duration;
pub mod folders;
mod shown;
mod size;
pub mod strategy;
mod value;
mod variables;

pub use choice::choice;
pub use duration::{DAY, duration};
pub use shown::{counted, shown_bytes};
pub use size::{scaled, size};
pub use value::{count, folder, switch};
pub use variables::{Parsed, Unreadable, exit, parse, source};
