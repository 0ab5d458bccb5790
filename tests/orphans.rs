//! Processes that a command leaves behind. In a program of its own, because children of other tests would count.
#![cfg(target_os = "linux")]

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use gocacheprog::platform::Orphanage;

fn left_by(script: &str) -> Vec<String> {
    let orphanage = Orphanage::open();
    let mut child = Command::new("sh").args(["-c", script]).process_group(0).spawn().unwrap();
    child.wait().unwrap();
    let left = orphanage.wait(child.id(), Duration::from_millis(300), || false);
    let after = orphanage.wait(child.id(), Duration::ZERO, || false);
    assert!(after.is_empty(), "what was left is ended: {after:?}");
    left
}

#[test]
fn what_a_command_leaves_behind_is_named_and_ended() {
    assert!(left_by("sleep 0.01 &").is_empty());
    assert_eq!(left_by("sleep 77 & true"), ["sleep"]);
    // In a session of its own, as a daemon is.
    assert_eq!(left_by("setsid sleep 77 & sleep 0.05"), ["sleep"]);
}
