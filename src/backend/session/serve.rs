//! The session proper: reads requests, answers what memory knows at once, hands the rest to tasks.

use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use tokio::runtime::Runtime;
use tokio::sync::SetOnce;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::backend::session::capture::Tee;
use crate::backend::session::in_flight::InFlight;
use crate::backend::session::spans;
use crate::backend::session::turns::Turns;
use crate::cache::{Cache, Lookup, Origin, Put, PutRest, StoredEntry};
use crate::platform::fault_injection::SessionFaults;
use crate::protocol::{ActionId, Command, Frame, FrameReader, OutputId, ProtocolError, Response, ResponseWriter};
use crate::telemetry::{Answer, Outcome, Recorder, RequestKind, Times};

/// The longest that it waits until the requests which the deadline has cut off have ended.
const END_LIMIT: Duration = Duration::from_secs(1);

/// After standing still for so long the reader looks whether somebody has been waiting.
const STOOD_STILL_NS: u64 = 1_000_000;

/// The end of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A `close`, which is to be answered when all is done.
    Close {
        /// Its number.
        id: i64,
        /// When it came, nanoseconds since the start.
        arrived_ns: u64,
    },
    /// The end of the input: go sent no close, or is gone.
    EndOfInput,
}

/// All that the requests of a session share.
pub struct Session {
    pub cache: Cache,
    pub recorder: Arc<Recorder>,
    pub writer: ResponseWriter<Tee>,
    /// Started by the first request that has to wait for the remote.
    pub runtime: LazyLock<Runtime>,
    pub waiting: TaskTracker,
    /// Set when no request is worked on any more.
    pub ending: Arc<SetOnce<()>>,
    pub in_flight: InFlight,
    pub faults: SessionFaults,
    pub turns: Turns,
}

/// A request while it is worked on.
#[derive(Clone, Copy)]
struct Job {
    id: i64,
    kind: RequestKind,
    action: Option<ActionId>,
    times: Times,
}

impl Session {
    /// Answers requests until the input ends.
    ///
    /// # Errors
    /// [`ProtocolError`] when the input is not of the protocol; nothing more can be read then.
    pub fn serve(self: &Arc<Self>, reader: &mut FrameReader<Tee>) -> Result<End, ProtocolError> {
        let clock = self.recorder.clock();
        let mut free_since_ns = clock.now_ns();
        let mut started_ns = free_since_ns;
        loop {
            let kept_ns = kept_ns(reader, free_since_ns.saturating_sub(started_ns));
            let Some(Frame { request, arrived }) = reader.next_frame()? else { return Ok(End::EndOfInput) };
            self.in_flight.begin();
            let arrived_ns = clock.ns(arrived);
            self.recorder.request(arrived_ns, &request);
            self.faults.at("queue");
            started_ns = clock.now_ns();
            let times = Times { kept_ns, ..Times::begun(arrived_ns, started_ns) };
            let job = |kind, action| Job { id: request.id, kind, action, times };
            match request.command {
                Command::Get { action } => self.get(job(RequestKind::Get, Some(action)), action),
                Command::Put { action, output, body_bytes } => {
                    self.put(job(RequestKind::Put, Some(action)), action, output, body_bytes, reader)?;
                }
                Command::Close => return Ok(End::Close { id: request.id, arrived_ns }),
                Command::Unknown { ref name, .. } => {
                    self.refuse(job(RequestKind::Unknown, None), &format!("unknown command {name:?}"));
                }
            }
            free_since_ns = clock.now_ns();
        }
    }

    fn get(self: &Arc<Self>, job: Job, action: ActionId) {
        self.faults.at("local.lookup");
        match self.cache.get(&action) {
            Lookup::Hit(found) => self.hit(job, &found, None),
            Lookup::Miss => self.miss(job, None),
            Lookup::AskRemote => {
                let session = self.clone();
                self.wait(job, action, |job, span| async move {
                    match AssertUnwindSafe(session.cache.ask_remote(&action)).catch_unwind().await {
                        Ok(Some(found)) => session.hit(job, &found, Some(span)),
                        Ok(None) | Err(_) => session.miss(job, Some(span)),
                    }
                });
            }
        }
    }

    fn put(
        self: &Arc<Self>,
        mut job: Job,
        action: ActionId,
        output: OutputId,
        body_bytes: u64,
        reader: &mut FrameReader<Tee>,
    ) -> Result<(), ProtocolError> {
        let mut body = (body_bytes > 0).then(|| self.cache.local().begin());
        if let Some(body) = &mut body {
            let waited = reader.read_body(|piece| body.write(piece))?;
            job.times.body_waited_ns = waited.as_nanos() as u64;
            self.faults.at("body");
            job.times.body_ns = self.recorder.clock().now_ns();
        }
        self.faults.at("local.write");
        match self.cache.put(action, output, body_bytes, body) {
            Ok(Put::Done(found)) => self.stored(job, &found, None),
            Ok(Put::Wait(found, rest)) => self.finish_put(job, action, found, rest),
            Err(error) => self.refuse(job, &error.to_string()),
        }
        Ok(())
    }

    fn finish_put(self: &Arc<Self>, job: Job, action: ActionId, found: StoredEntry, rest: PutRest) {
        let session = self.clone();
        self.wait(job, action, |job, span| async move {
            // The body is stored locally whatever becomes of its upload.
            let _ = AssertUnwindSafe(session.cache.finish_put(rest)).catch_unwind().await;
            session.stored(job, &found, Some(span));
        });
    }

    /// Runs the rest of a request beside the reader.
    fn wait<F>(&self, mut job: Job, action: ActionId, work: impl FnOnce(Job, tracing::Span) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        job.times.local_ns = self.recorder.clock().now_ns();
        let span = spans::waiting(job.id, job.kind, action, job.times.arrived_ns);
        let task = self.turns.clone().take(self.faults.under_lock(work(job, span.clone()))).instrument(span);
        if self.faults.blocks_reader() {
            self.runtime.block_on(task);
        } else {
            let ending = self.ending.clone();
            let until_the_end = async move {
                tokio::select! {
                    biased;
                    _ = ending.wait() => {}
                    () = task => {}
                }
            };
            self.waiting.spawn_on(until_the_end, self.runtime.handle());
        }
    }

    fn hit(&self, job: Job, found: &StoredEntry, span: Option<tracing::Span>) {
        let outcome = match found.origin {
            // What was fetched ahead of the question is no less a remote hit.
            Origin::Fetched => Outcome::HitRemote,
            origin => Outcome::HitLocal { is_foreign: origin == Origin::Stored },
        };
        self.found(job, found, outcome, span);
    }

    fn stored(&self, job: Job, found: &StoredEntry, span: Option<tracing::Span>) {
        self.found(job, found, Outcome::Stored, span);
    }

    fn found(&self, job: Job, found: &StoredEntry, outcome: Outcome, span: Option<tracing::Span>) {
        let job = self.decided(job);
        let entry = &found.entry;
        self.respond(&Response {
            id: job.id,
            output_id: Some(entry.output.to_wire()),
            size: Some(entry.size_bytes),
            time: jiff::Timestamp::from_nanosecond(entry.time_ns.into()).ok(),
            disk_path: Some(Path::new(&found.path)),
            ..Response::default()
        });
        self.record(job, outcome, None, Some((entry.output, entry.size_bytes)), span);
    }

    fn miss(&self, job: Job, span: Option<tracing::Span>) {
        let job = self.decided(job);
        self.respond(&Response { id: job.id, miss: true, ..Response::default() });
        self.record(job, Outcome::Miss, None, None, span);
    }

    fn refuse(&self, job: Job, error: &str) {
        let job = self.decided(job);
        self.respond(&Response { id: job.id, err: Some(error), ..Response::default() });
        self.record(job, Outcome::Error, Some(error.to_owned()), None, None);
    }

    fn decided(&self, mut job: Job) -> Job {
        job.times.decided_ns = self.recorder.clock().now_ns();
        if job.times.local_ns == 0 {
            job.times.local_ns = job.times.decided_ns;
        }
        job
    }

    /// A go that no longer reads has ended: its input ends too, and that is what ends the session.
    fn respond(&self, response: &Response<'_>) {
        self.faults.at("respond");
        let _ = self.writer.send(response);
    }

    fn record(
        &self,
        job: Job,
        outcome: Outcome,
        error: Option<String>,
        output: Option<(OutputId, u64)>,
        span: Option<tracing::Span>,
    ) {
        let Job { id, kind, action, mut times } = job;
        times.answered_ns = self.recorder.clock().now_ns();
        self.in_flight.end();
        self.faults.leak();
        let (output, bytes) = output.unzip();
        let answer = Answer { id, kind, action, output, bytes, outcome, error, times };
        if let Some(span) = &span {
            spans::answered_later(span, &answer);
        }
        self.recorder.answer(answer);
    }

    /// Waits for the requests that tasks work on and for the uploads, at most `patience`.
    /// `kind` is the request that waits for that.
    pub fn drain(&self, kind: &str, patience: Duration) {
        self.waiting.close();
        let has_work = !self.waiting.is_empty() || self.cache.has_uploads_left();
        if !has_work {
            return;
        }
        let span = tracing::info_span!(parent: None, "flush", kind = %kind);
        let deadline = tokio::time::Instant::from_std(Instant::now() + patience);
        let work = async {
            let _ = tokio::time::timeout_at(deadline, self.waiting.wait()).await;
            self.cache.drain(deadline).await;
        };
        self.runtime.block_on(work.instrument(span));
    }

    /// Does the cache's maintenance, now that nobody waits. A session that made no task has not looked at the remote.
    pub fn maintain(&self) {
        self.cache.end_probe();
        if let Some(runtime) = LazyLock::get(&self.runtime) {
            runtime.block_on(async {
                // What the deadline has cut off is dropped, or the process would end with half a body on disk.
                let _ = self.ending.set(());
                let _ = tokio::time::timeout(END_LIMIT, self.waiting.wait()).await;
                self.cache.maintain().await;
            });
        }
    }

    /// Answers `close`: go goes on.
    pub fn answer_close(&self, id: i64, arrived_ns: u64) {
        let now_ns = self.recorder.clock().now_ns();
        let times = Times { decided_ns: now_ns, ..Times::begun(arrived_ns, arrived_ns) };
        self.respond(&Response { id, ..Response::default() });
        self.record(Job { id, kind: RequestKind::Close, action: None, times }, Outcome::Closed, None, None, None);
    }
}

/// How long the next request may have waited in the pipe while the reader worked `busy_ns` on the last one: 0 where it did not
/// wait, or not for long.
fn kept_ns(reader: &FrameReader<Tee>, busy_ns: u64) -> u64 {
    let was_waiting = busy_ns >= STOOD_STILL_NS && reader.unread().is_some_and(Tee::is_ready);
    if was_waiting { busy_ns } else { 0 }
}
