//! The records of a session that is seen from outside, by the writers of our own backend.

use std::fs::File;
use std::io::{self, BufWriter};
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::Result;

use gocacheprog::config::folders::RECORDS;
use gocacheprog::config::switch;
use gocacheprog::note::note;
use gocacheprog::platform;
use gocacheprog::telemetry::{
    Clock, Drawing, Gauges, Keep, ProgramSeen, Recorder, Resources, Sampler, SessionFolder, SessionSummary, Switches,
    TraceFile, Watched,
};

use crate::tap::answer_stream::AnswerReader;
use crate::tap::arguments::TapArgs;
use crate::tap::conversation::Conversation;
use crate::tap::tapped::Tapped;

/// Sessions without a folder of their own: as many stay as our backend's, and as large.
const KEEP: Keep = Keep { sessions: Some(100), bytes: Some(256_000_000) };

/// All records of a session.
pub struct Records {
    folder: Option<SessionFolder>,
    recorder: Arc<Recorder>,
    drawing: Option<Drawing>,
    sampler: Option<Sampler>,
    reader: AnswerReader,
    conversation: Conversation,
}

impl Records {
    /// Starts them. What cannot be written is given up with one line on stderr: the build goes on.
    pub fn start(args: &TapArgs, clock: Clock, seen: ProgramSeen) -> Self {
        let folder = open_folder(args, &clock);
        let drawing = folder.as_ref().and_then(|folder| start_trace(folder, &clock, &seen.program));
        let switches = Switches { request_log: true, histograms: true, wall_profile: true };
        let recorder = Arc::new(Recorder::new(clock, folder.as_ref(), switches, drawing.clone()));
        if let Some(folder) = &folder {
            folder.link_plain_names();
        }
        let sampler = seen.pid.filter(|_| folder.is_some() && !args.no_samples);
        let sampler = sampler.and_then(|program| start_sampler(program, clock, drawing.clone()));
        let conversation = Conversation::new(recorder.clone(), seen);
        Self { folder, recorder, drawing, sampler, reader: AnswerReader::default(), conversation }
    }

    /// The folder of the session, absolute; `None` without records.
    pub fn folder(&self) -> Option<PathBuf> {
        let file = self.folder.as_ref()?.file("session.json");
        std::path::absolute(file.parent()?).ok()
    }

    /// Takes in what has passed, and writes out what is known: a session that is killed leaves it.
    pub fn take(&mut self, tapped: &Tapped, is_end: bool) {
        // Answers first: their requests passed before them, but may not have been noted yet.
        let answers = tapped.answers().take();
        let requests = {
            let mut requests = tapped.requests();
            if is_end { requests.take_last() } else { requests.take() }
        };
        if self.folder.is_none() {
            return;
        }
        let sent = self.reader.read(answers, is_end);
        self.conversation.take(requests, sent);
        if is_end {
            self.conversation.end();
        }
        self.conversation.draw(is_end, self.drawing.as_ref());
        self.recorder.flush(is_end);
        if let Some(drawing) = &self.drawing {
            drawing.lock().expect("no trace writer panics").flush();
        }
    }

    /// Takes the last sample.
    pub fn end_sampling(&mut self) -> Option<Resources> {
        self.sampler.take().and_then(Sampler::finish)
    }

    /// What was seen of the program.
    pub fn seen(&mut self) -> &mut ProgramSeen {
        &mut self.conversation.seen
    }

    /// The recorder of the requests.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Writes all files, the summary last. The folder stays locked.
    pub fn finish(&mut self, session: &SessionSummary) {
        let Some(folder) = &self.folder else { return };
        if let Some(drawing) = self.drawing.take()
            && let Err(error) = drawing.lock().expect("no trace writer panics").end()
        {
            note(format_args!("the trace is not complete: {error}"));
        }
        if let Err(error) = self.write_profiles(folder, session.wall_ns) {
            note(format_args!("no profiles: {error}"));
        }
        self.write_summary(session);
        folder.link_plain_names();
        folder.remove_old_sessions(KEEP);
    }

    /// Writes the summary, or writes it again.
    pub fn write_summary(&self, session: &SessionSummary) {
        let Some(folder) = &self.folder else { return };
        if let Err(error) = session.write(folder) {
            note(format_args!("no session.json: {error}"));
        }
    }

    fn write_profiles(&self, folder: &SessionFolder, wall_ns: u64) -> Result<()> {
        if let Some(profile) = self.recorder.wall_profile() {
            profile.write(folder, self.recorder.clock())?;
        }
        if let Some(latencies) = self.recorder.latencies() {
            let file = BufWriter::new(File::create(folder.file("latency.hlog"))?);
            latencies.write(file, self.recorder.clock().start_unix_ns(), wall_ns)?;
        }
        Ok(())
    }
}

fn open_folder(args: &TapArgs, clock: &Clock) -> Option<SessionFolder> {
    let (path, opened) = match &args.session {
        Some(path) => (path.clone(), std::fs::create_dir_all(path).and_then(|()| SessionFolder::use_given(path))),
        None => new_folder(args, clock)?,
    };
    opened.inspect_err(|error| note(format_args!("no records: {}: {error}", path.display()))).ok()
}

/// A folder where our own backend has its records.
fn new_folder(args: &TapArgs, clock: &Clock) -> Option<(PathBuf, io::Result<SessionFolder>)> {
    let variable = || std::env::var_os("CACHEPROG_METRICS").filter(|value| !value.is_empty()).map(PathBuf::from);
    let given = args.metrics.clone().or_else(variable);
    let is_here = args.here || std::env::var("CACHEPROG_HERE").is_ok_and(|value| switch(&value) == Ok(true));
    let place = RECORDS.find(given.as_deref(), is_here, platform::user_temporary_folder);
    let path = place.path().map(Path::to_owned);
    let path = path.inspect_err(|why| note(format_args!("no records: {why}"))).ok()?;
    let folder = SessionFolder::create_below(&path, clock);
    let linked = is_here && given.is_none();
    Some((path, folder.map(|folder| if linked { folder.link_in_sight_of_git() } else { folder })))
}

fn start_trace(folder: &SessionFolder, clock: &Clock, program: &str) -> Option<Drawing> {
    let path = folder.file("trace.json");
    let file = TraceFile::create_named(&path, clock, &format!("tap: requests from go to {program}"));
    let file = file.inspect_err(|error| note(format_args!("no trace: {}: {error}", path.display()))).ok()?;
    Some(Arc::new(Mutex::new(file)))
}

fn start_sampler(program: u32, clock: Clock, drawing: Option<Drawing>) -> Option<Sampler> {
    let watched = Watched { program: Some(program), go: Some(parent_id()), ..Watched::default() };
    let sampler = Sampler::start(watched, clock, drawing, Gauges::default);
    sampler.inspect_err(|error| note(format_args!("no samples: {error}"))).ok()
}
