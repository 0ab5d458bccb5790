//! The tap's main: the program first, then the thread that passes bytes on, and the records beside it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::parent_id;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use gocacheprog::note;
use gocacheprog::platform;
use gocacheprog::telemetry::{Clock, LeftProcess, ProgramSeen};

use crate::tap::arguments::TapArgs;
use crate::tap::passing::{Direction, Ended, Lane, relay};
use crate::tap::program::{Program, exit_code};
use crate::tap::records::Records;
use crate::tap::signals::Caught;
use crate::tap::summary::{Session, summary};
use crate::tap::tapped::Tapped;

/// How often records are written out, and go is looked for.
const TICK: Duration = Duration::from_secs(1);
/// The longest that the records wait for the end of a program that has ended its output, or whose go is gone.
const PATIENCE: Duration = Duration::from_secs(2);
/// Exit codes of shells for a program that is not there, and for one that cannot be run.
const NOT_FOUND: i32 = 127;
const NOT_RUN: i32 = 126;

/// Runs one session on this process's stdin and stdout, and ends the process with the program's exit code.
pub fn main(args: &TapArgs) -> ! {
    std::process::exit(run(args))
}

fn run(args: &TapArgs) -> i32 {
    let clock = Clock::start();
    // Before all else: a go that is gone a moment later is missed otherwise.
    let go = parent_id();
    let caught = Caught::listen();
    platform::adopt_orphans();
    // There is one: the arguments ask for it.
    let (name, arguments) = args.command.split_first().expect("a command has a name");
    let mut seen = ProgramSeen { program: name.to_string_lossy().into_owned(), ..ProgramSeen::default() };
    let started = Program::start(name, arguments).and_then(|started| Ok((started, take_pipes()?)));
    let tapped = Arc::new(Tapped::default());
    match started {
        Ok(((program, stdin, stdout), (from_go, to_go))) => {
            seen.pid = Some(program.pid());
            let lanes = [Lane::new(Direction::FromGo, from_go, stdin), Lane::new(Direction::ToGo, stdout, to_go)];
            let ended = start_relay(&tapped, clock, lanes);
            caught.pass_on_to(program.pid(), tapped.clone());
            follow(args, (clock, go), seen, program, &tapped, &ended)
        }
        Err(error) => {
            note::line(format_args!(
                "error: cannot start the GOCACHEPROG program {}: {error}\n  next:  give its path after `--`, and check that it can be run",
                seen.program
            ));
            seen.start_error = Some(error.to_string());
            let mut records = Records::start(args, clock, seen);
            finish(&mut records, &tapped, None);
            if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUN }
        }
    }
}

/// Takes stdin and stdout for the relay: whatever closes them closes them for go. Nothing else is printed on stdout.
fn take_pipes() -> io::Result<(File, File)> {
    let from_go = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let to_go = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let nowhere = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    nix::unistd::dup2_stdin(&nowhere)?;
    nix::unistd::dup2_stdout(&nowhere)?;
    Ok((from_go, to_go))
}

/// Starts the thread that passes bytes on. Gives what tells that the program has ended its output.
fn start_relay(tapped: &Arc<Tapped>, clock: Clock, lanes: [Lane; 2]) -> Receiver<()> {
    let (sender, ended) = channel();
    let tapped = tapped.clone();
    std::thread::spawn(move || {
        let keep = |direction, piece: &[u8], passed| match direction {
            Direction::FromGo => tapped.requests().feed(piece, passed),
            Direction::ToGo => tapped.answers().feed(piece, passed),
        };
        relay(clock, lanes, keep, |direction, how, lane| end(&tapped, clock, (direction, how), lane, &sender));
    });
    ended
}

/// Closes both ends of a direction, and notes when that was.
fn end(tapped: &Tapped, clock: Clock, how: (Direction, Ended), lane: Lane, sender: &Sender<()>) {
    let moment = match how {
        (Direction::FromGo, Ended::BySender) => Some(&tapped.stdin_end_ns),
        (Direction::FromGo, Ended::ByReceiver) => Some(&tapped.stdin_closed_ns),
        (Direction::ToGo, Ended::BySender) => Some(&tapped.stdout_end_ns),
        // go is gone.
        (Direction::ToGo, Ended::ByReceiver) => None,
    };
    if let Some(moment) = moment {
        moment.get_or_init(|| clock.now_ns());
    }
    if how == (Direction::ToGo, Ended::BySender) {
        // Before go goes on, so that the line is in its place among go's.
        tapped.print_last_line();
    }
    drop(lane);
    if how.0 == Direction::ToGo {
        // An error says that nobody waits for it any more.
        let _ = sender.send(());
    }
}

/// Follows a running program to its end. Gives the exit code.
fn follow(
    args: &TapArgs,
    (clock, go): (Clock, u32),
    seen: ProgramSeen,
    mut program: Program,
    tapped: &Arc<Tapped>,
    ended: &Receiver<()>,
) -> i32 {
    let mut records = Records::start(args, clock, seen);
    if let (None, Some(folder)) = (&args.session, records.folder()) {
        tapped.keep_last_line(format!("bench tap: the records of this session are in {}", folder.display()));
    }
    wait_for_end(&mut records, &mut program, go, tapped, ended);
    let session = finish(&mut records, tapped, Some(&mut program));
    tapped.print_last_line();
    note::let_go_of_stderr();
    let exit = program.wait(None);
    if let (Some(mut session), Some(_)) = (session, exit) {
        let seen = session.seen.get_or_insert_default();
        seen.exit = exit;
        seen.exit_ns = Some(clock.now_ns());
        seen.left_running = left_running();
        records.write_summary(&session);
    }
    // Only the end of the process lets go of the session's lock.
    std::mem::forget(records);
    exit.map_or(NOT_RUN, exit_code)
}

/// Waits until the program has ended its output, or go is gone and the program has had its time.
fn wait_for_end(records: &mut Records, program: &mut Program, go: u32, tapped: &Tapped, ended: &Receiver<()>) {
    while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        records.take(tapped, false);
        note_exit(records, program, tapped);
        if parent_id() != go {
            records.seen().outlived_go = ended.recv_timeout(PATIENCE).is_err();
            break;
        }
    }
}

fn note_exit(records: &mut Records, program: &mut Program, tapped: &Tapped) {
    let Some(exit) = program.exit() else { return };
    tapped.set_reaped();
    let now_ns = records.recorder().clock().now_ns();
    let seen = records.seen();
    seen.exit = Some(exit);
    seen.exit_ns.get_or_insert(now_ns);
}

/// Writes the records. Gives the summary if the program still runs: it is not known then how it ends.
fn finish(
    records: &mut Records,
    tapped: &Tapped,
    program: Option<&mut Program>,
) -> Option<gocacheprog::telemetry::SessionSummary> {
    let relay_cpu_ns = relay_cpu_ns();
    // The program's own counters go with it when it is waited for.
    let resources = records.end_sampling();
    let runs = program.is_some_and(|program| {
        program.wait(Some(PATIENCE));
        note_exit(records, program, tapped);
        program.exit().is_none()
    });
    records.take(tapped, true);
    let seen = records.seen();
    seen.relay_cpu_ns = relay_cpu_ns;
    seen.left_running = left_running();
    let summary = summary(&mut Session { records, tapped, resources });
    records.finish(&summary);
    if runs { Some(summary) } else { None }
}

fn relay_cpu_ns() -> Option<u64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    Some((usage.user_time() + usage.system_time()).num_nanoseconds().cast_unsigned())
}

fn left_running() -> Vec<LeftProcess> {
    platform::descendants().into_iter().map(|(pid, name)| LeftProcess { pid, name }).collect()
}
