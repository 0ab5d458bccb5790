//! The records of a session: started after the handshake, written out each second, finished when go has been released.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use crate::backend::arguments::backend_args::BackendArgs;
use crate::backend::session::capture;
use crate::backend::session::capture::Copy;
use crate::backend::session::interrupted::Interrupted;
use crate::backend::session::ticker::{EachSecond, Ticker, Wake, profile_after};
use crate::note::note;
use crate::protocol::Response;
use crate::telemetry::{
    Clock, CpuProfile, Drawing, Gauges, HeapProfile, Keep, Latencies, ProfileSummary, Recorder, Resources, Sampler,
    SessionFolder, SessionSummary, SpanSums, Switches, Trace, WallProfile, Watched, listen,
};

/// All records of a session.
pub struct Records {
    folder: Option<SessionFolder>,
    recorder: Arc<Recorder>,
    /// The spans' part of the wall profile and the latencies.
    sums: SpanSums,
    sampler: Option<Sampler>,
    /// Where samples are drawn.
    drawing: Option<Drawing>,
    ticker: Option<(Sender<Wake>, JoinHandle<Ticker>)>,
    each_second: EachSecond,
    interrupted: Interrupted,
}

/// Results of the instruments, for the session's summary.
pub struct InstrumentResults {
    pub profile: Option<ProfileSummary>,
    pub resources: Option<Resources>,
}

impl Records {
    /// Starts what `args` ask for, in a folder below `records` unless they name another. What cannot be started is given up with one line on stderr.
    pub fn start(args: &BackendArgs, records: Option<&Path>, clock: Clock, profile: Option<CpuProfile>) -> Self {
        let folder = if args.no_records { None } else { open_folder(args, records, &clock) };
        let wall_profile = folder.is_some() && !args.no_wall_profile;
        let histograms = folder.is_some() && !args.no_histograms;
        let switches = Switches { request_log: !args.no_request_log, histograms, wall_profile };
        let trace = match &folder {
            Some(folder) if !args.no_trace => Trace::start(folder, clock),
            _ => None,
        };
        let (trace, layer) = trace.unzip();
        let drawing = trace.as_ref().map(Trace::drawing);
        let recorder = Arc::new(Recorder::new(clock, folder.as_ref(), switches, drawing.clone()));
        let sums = SpanSums::default();
        listen(layer, (wall_profile || histograms).then(|| sums.clone()), &clock);
        if let Some(folder) = &folder {
            // Now and not at the end: `go run ./server` may go on for days, and a build may be killed.
            folder.link_plain_names();
        }
        let interrupted = Interrupted::default();
        interrupted.listen();
        let each_second = EachSecond::default();
        let profiles_cpu = folder.is_some() && !args.heap_profile;
        let ticker = Ticker {
            recorder: recorder.clone(),
            trace,
            profile,
            heap: if args.heap_profile { folder.as_ref().and_then(HeapProfile::start) } else { None },
            profile_after: if profiles_cpu { profile_after(args.cpu_profile) } else { None },
            each_second: each_second.clone(),
            interrupted: interrupted.clone(),
        };
        let ticker = Some(ticker.start());
        Self { folder, recorder, sums, sampler: None, drawing, ticker, each_second, interrupted }
    }

    /// Lets `work` be done each second until the end of the session, with records or without.
    pub fn each_second(&self, work: impl Fn() + Send + Sync + 'static) {
        // There is one session, which asks once.
        let _ = self.each_second.set(Box::new(work));
    }

    /// Keeps what passes through stdin and stdout from now on, and the handshake that is out already.
    pub fn capture(&self, stdin: &Copy, stdout: &Copy) {
        let Some(folder) = &self.folder else { return };
        let mut handshake = serde_json::to_vec(&Response::HANDSHAKE).unwrap_or_default();
        handshake.push(b'\n');
        stdin.start(&folder.file(capture::FILES[0]), b"");
        stdout.start(&folder.file(capture::FILES[1]), &handshake);
    }

    /// Starts to sample processes and machine, if `args` ask for it. `gauges` tells what the session knows.
    pub fn sample(&mut self, args: &BackendArgs, gauges: impl Fn() -> Gauges + Send + 'static) {
        if args.no_samples || self.folder.is_none() {
            return;
        }
        let go = std::os::unix::process::parent_id();
        let watched = Watched { is_backend: true, go: Some(go), s3: args.watch_s3, program: None };
        let sampler = Sampler::start(watched, *self.recorder.clock(), self.drawing.clone(), gauges);
        self.sampler = sampler.inspect_err(|error| note(format_args!("no samples: {error}"))).ok();
    }

    /// Lets the sampler take its last sample, which must not be later than go's end.
    pub fn stop_sampling(&self) {
        self.sampler.iter().for_each(Sampler::stop);
    }

    /// The recorder of the requests.
    pub fn recorder(&self) -> &Arc<Recorder> {
        &self.recorder
    }

    /// Knows if a signal asked for the end.
    pub fn interrupted(&self) -> &Interrupted {
        &self.interrupted
    }

    /// Writes all files. `complete` gets what instruments found and gives the summary
    /// of the session, which took `wall_ns`. The folder stays locked.
    pub fn finish(&mut self, wall_ns: u64, complete: impl FnOnce(InstrumentResults) -> SessionSummary) {
        let Some((stop, thread)) = self.ticker.take() else { return };
        // An error says that it has ended.
        let _ = stop.send(Wake::Stop);
        let ticker = thread.join().unwrap_or_else(|_| {
            note("a thread of the records broke: trace and profiles are not complete");
            Ticker::broken(self.recorder.clone(), self.interrupted.clone())
        });
        // The profile first: it stops the signals that would disturb the rest.
        let profile = ticker.profile.zip(self.folder.as_ref()).and_then(|(profile, folder)| profile.finish(folder));
        if let Some((heap, folder)) = ticker.heap.zip(self.folder.as_ref()) {
            heap.finish(folder, self.recorder.clock());
        }
        if let Some(folder) = &self.folder
            && ticker.profile_after.is_some()
        {
            CpuProfile::say_too_short(folder);
        }
        let resources = self.sampler.take().and_then(Sampler::finish);
        self.recorder.flush(true);
        if let Some(trace) = ticker.trace {
            trace.finish();
        }
        let Some(folder) = &self.folder else { return };
        let sums = self.sums.sums();
        if let Err(error) = self.write_wall_profile(folder, &sums.wall) {
            note(format_args!("no wall-clock profile: {error}"));
        }
        if let Err(error) = self.write_latencies(folder, &sums.latencies, wall_ns) {
            note(format_args!("no latency.hlog: {error}"));
        }
        let session = complete(InstrumentResults { profile, resources });
        if let Err(error) = session.write(folder) {
            note(format_args!("no session.json: {error}"));
        }
        folder.link_plain_names();
    }

    /// Removes the records of the oldest sessions where there are more than `keep` allows.
    pub fn remove_old(&self, keep: Keep) {
        if let Some(folder) = &self.folder {
            folder.remove_old_sessions(keep);
        }
    }

    fn write_wall_profile(&self, folder: &SessionFolder, waits: &WallProfile) -> anyhow::Result<()> {
        let Some(mut profile) = self.recorder.wall_profile() else { return Ok(()) };
        profile.merge(waits);
        profile.write(folder, self.recorder.clock())
    }

    fn write_latencies(&self, folder: &SessionFolder, waits: &Latencies, wall_ns: u64) -> anyhow::Result<()> {
        let Some(mut latencies) = self.recorder.latencies() else { return Ok(()) };
        latencies.merge(waits);
        let file = BufWriter::new(File::create(folder.file("latency.hlog"))?);
        latencies.write(file, self.recorder.clock().start_unix_ns(), wall_ns)
    }
}

fn open_folder(args: &BackendArgs, records: Option<&Path>, clock: &Clock) -> Option<SessionFolder> {
    let (path, opened) = match (&args.session, records) {
        (Some(path), _) => (path.as_path(), SessionFolder::use_given(path)),
        (None, Some(path)) => (path, new_folder(path, args, clock)),
        (None, None) => return None,
    };
    opened.inspect_err(|error| note(format_args!("no records: {}: {error}", path.display()))).ok()
}

fn new_folder(records: &Path, args: &BackendArgs, clock: &Clock) -> io::Result<SessionFolder> {
    let folder = SessionFolder::create_below(records, clock)?;
    // The workshop opens the plain names in `metrics` of the working directory, also where that folder is the user's.
    let is_here = args.cache.is_here() && args.records.metrics.is_none();
    Ok(if is_here { folder.link_in_sight_of_git() } else { folder })
}
