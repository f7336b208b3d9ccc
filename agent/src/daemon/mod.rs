//! The life of the daemon: listen, load, greet, seed, work, end.

mod configure;
mod desk;
mod error;
mod export;
mod interest;
mod keep;
mod looker;
mod looks;
mod observe;
mod open;
mod otlp;
mod reload;
mod remember;
mod resume;
mod scrape;
mod scraping;
mod service;
mod settings;
mod stacks;
mod subscribers;
mod surplus;
mod taped;
mod tick;
mod turn;
mod work;

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{self, Receiver};
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at};

use crate::config::{Config, Source};
use crate::kernel::{self, Kernel};
use crate::output::feed::{Feed, Handle, Tune};
use crate::output::select::Selection;
use crate::output::sink::{self, End, Sink};
use crate::privilege::{self, Needs};
use crate::recording::{Progress, Wanted};
use crate::remedy::policy::Policy;
use crate::remedy::{self, Decided};
use crate::server::{self, Guard, Past, Queries, Query};

use self::error::failed;
use self::keep::Keepers;
use self::reload::{Configuration, HangUp};
use self::remember::Before;
use self::service::notify;
use self::subscribers::Beginners;
use self::turn::Turn;
use self::work::Work;

pub use error::Error;
pub use observe::Observer;
pub use settings::kernel_options;

/// Everything is written by then, or never: a signal ends the daemon within a second.
const FAREWELL: Duration = Duration::from_millis(800);

/// Looks at what makes no sound: a closed pipe, a clock that was set, counters of losses.
const TICK: Duration = Duration::from_secs(1);

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How.
    pub config: Config,
    /// Where that comes from, to be read again.
    pub source: Source,
    /// What goes to standard output, and how.
    pub output: Option<Tune>,
    /// What of it is recorded, and where; ends when that ends.
    pub record: Option<Wanted>,
    /// End by itself after so long.
    pub duration: Option<Duration>,
    /// Level of the kernel programs' log, 0 for off.
    pub log_level: u8,
}

/// Runs until a signal, the end of its duration, or the end of its reader. Dropping the kernel side, which
/// takes its time, comes last: everything is written by then.
pub fn run(plan: Plan) -> Life {
    Box::pin(live(plan))
}

/// A daemon's life, to be awaited.
pub type Life = Pin<Box<dyn Future<Output = Result<(), Error>>>>;

#[expect(clippy::large_stack_frames, reason = "a life is on the heap")]
async fn live(plan: Plan) -> Result<(), Error> {
    kernel::keep_little_freed_memory();
    let calls = Calls::new(&plan)?;
    let hang_up = HangUp::new()?;
    remedy::check(&plan.config.remedies)?;
    kernel::prerequisites()?;
    let (guard, listener) = Guard::listen(&plan.config.socket)?;
    let (open, address) = open::listen(plan.config.metrics_listen).await?.unzip();
    let (kernel, before) = take_over(&plan)?;
    // Before any other thread starts: they inherit what is left.
    let privilege = privilege::give_up(needs(&plan.config));

    let feed = Feed::new(settings::hello(kernel.report()));
    let (queries, asked) = mpsc::channel(server::QUERIES);
    let (end, ended) = oneshot::channel::<()>();
    let handle = feed.handle();
    let record = plan.record.as_ref();
    let mut work = Work::new(kernel, feed, &plan.config, record, before.since)?;
    work.go_on_from(before);
    work.desk.privilege = Some(privilege);
    work.scrapes.address = address;
    let (keepers, decided) =
        Keepers::begin(&plan.config, &mut work, Queries::new(queries.clone()))?;
    let configuration = Configuration::begin(plan.source, plan.config, keepers, &mut work);
    let output = greet(&mut work, &handle, plan.output).await?;
    work.expect(Selection::NONE);
    work.carry_out();
    // Its end is the sender's being dropped.
    let past = Past::new(work.history.clone());
    let serving = tokio::spawn(server::serve(listener, open, queries, past, async {
        drop(ended.await);
    }));
    service::ready(service::WATCHING);

    let mut doors = Doors {
        calls,
        hang_up,
        output,
        asked,
        decided,
        configuration,
    };
    let result = Box::pin(go_on(&mut work, &mut doors)).await;

    notify(&[sd_notify::NotifyState::Stopping]);
    let deadline = Instant::now() + FAREWELL;
    let is_next = !matches!(result, Ok(Leaving::ForGood));
    let mut kernel = work.finish(is_next);
    kernel.leave(is_next);
    let Doors {
        output,
        asked,
        configuration,
        ..
    } = doors;
    drop((guard, end, asked));
    let all = async { tokio::join!(output.finish(deadline), configuration.end(deadline)) };
    Box::pin(all).await;
    // A subscriber that does not read must not keep the daemon.
    drop(timeout_at(deadline, serving).await);
    drop(kernel);
    result.map(drop)
}

/// The first look, and then the greeting: whoever has read it misses nothing that happens from then on, and hears what has
/// become of the findings of an earlier daemon.
async fn greet(work: &mut Work, handle: &Handle, wanted: Option<Tune>) -> Result<Output, Error> {
    let select = wanted.as_ref().map_or(Selection::NONE, |tune| tune.select);
    if wanted.is_some() {
        work.hold();
    }
    Box::pin(begin(work, select)).await?;
    let output = Output::open(handle, wanted)?;
    work.release();
    Ok(output)
}

/// The kernel side, and what an earlier daemon has known.
fn take_over(plan: &Plan) -> Result<(Box<Kernel>, Before), Error> {
    let kernel = load(&kernel::Options {
        pins: plan.config.pin_place(),
        ..kernel_options(&plan.config, plan.log_level)
    })?;
    let before = Before::find(&plan.config.socket, &kernel);
    Ok((kernel, before))
}

fn needs(config: &Config) -> Needs {
    Needs {
        stacks: config.stacks,
        commands: config.remedies.iter().any(Policy::runs_a_command),
    }
}

/// The first look, and whatever the first reader is to be told.
async fn begin(work: &mut Work, select: Selection) -> Result<(), Error> {
    work.expect(select);
    while !work.is_telling() {
        let due = work.due();
        tokio::select! {
            () = sleep_until(due) => work.timeout(),
            taken = work.next() => taken.map_err(failed("read the ring buffer"))?,
        }
        work.carry_out();
    }
    Ok(())
}

/// On the heap: the object's bookkeeping is large.
fn load(options: &kernel::Options) -> Result<Box<Kernel>, Error> {
    Ok(Box::new(Kernel::load(options)?))
}

/// What comes from outside.
struct Doors {
    calls: Calls,
    hang_up: HangUp,
    output: Output,
    asked: Receiver<Query>,
    decided: Receiver<Decided>,
    configuration: Configuration,
}

/// Whether the daemon is expected back: then what is pinned goes on without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    /// A service manager ends it, perhaps to start it again.
    ForNow,
    /// Whoever has started it has seen enough.
    ForGood,
}

/// Works until it is told to end.
#[expect(clippy::large_stack_frames, reason = "its caller has it on the heap")]
async fn go_on(work: &mut Work, doors: &mut Doors) -> Result<Leaving, Error> {
    let Doors {
        calls,
        hang_up,
        output,
        asked,
        decided,
        configuration,
    } = doors;
    let readers = work.feed.handle();
    let mut beginners = Beginners::default();
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let (due, reads) = (work.due(), output.0.is_some());
        let come = turn::next(
            tick.tick(),
            sleep_until(due),
            readers.changed(),
            hang_up.next(),
            asked.recv(),
            decided.recv(),
            work.next(),
        );
        // What ends the daemon comes first.
        let turn = tokio::select! {
            biased;
            leaving = calls.end() => return Ok(leaving),
            end = output.end() => return end.map(|()| Leaving::ForGood),
            turn = come => turn,
        };
        match turn {
            Turn::Tick if reads && reader_gone() => return Ok(Leaving::ForGood),
            Turn::Tick => work.tick(),
            Turn::Due => work.timeout(),
            Turn::Readers => work.adjust(),
            Turn::HungUp if hang_up.is_the_end() => return Ok(Leaving::ForGood),
            Turn::HungUp => configuration.reload(work),
            Turn::Asked(query) => beginners.answer(query, work),
            Turn::Decided(decision) => keep::announce(&decision, &mut work.feed),
            Turn::Taken(taken) => taken.map_err(failed("read the ring buffer"))?,
        }
        work.carry_out();
        beginners.begin(work);
        // A ring that is never empty must not keep the server's tasks from running.
        tokio::task::yield_now().await;
    }
}

/// What can tell the daemon to end.
struct Calls {
    interrupt: Signal,
    terminate: Signal,
    until: Option<Instant>,
    recording: Option<Arc<Progress>>,
}

impl Calls {
    fn new(plan: &Plan) -> Result<Self, Error> {
        let listen = |kind| signal(kind).map_err(failed("listen for signals"));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            until: plan.duration.map(|duration| Instant::now() + duration),
            recording: plan
                .record
                .as_ref()
                .map(|record| Arc::clone(&record.progress)),
        })
    }

    async fn end(&mut self) -> Leaving {
        let late = pin!(async {
            match self.until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        });
        let recorded = pin!(async {
            match &self.recording {
                Some(recording) => recording.ended().await,
                None => std::future::pending().await,
            }
        });
        tokio::select! {
            _ = self.interrupt.recv() => Leaving::ForGood,
            _ = self.terminate.recv() => Leaving::ForNow,
            () = late => Leaving::ForGood,
            () = recorded => Leaving::ForGood,
        }
    }
}

/// Standard output, if anything is to be written there.
struct Output(Option<Sink>);

impl Output {
    fn open(feed: &Handle, wanted: Option<Tune>) -> Result<Self, Error> {
        let Some(tune) = wanted else {
            return Ok(Self(None));
        };
        let out = sink::stdout().map_err(Error::Output)?;
        let subscription = feed.tune_in(tune, sink::SLOW);
        let sink = subscription.map(|subscription| Sink::spawn(subscription, out));
        Ok(Self(sink.transpose().map_err(Error::Output)?))
    }

    /// Comes only if writing has ended before the feed has.
    async fn end(&mut self) -> Result<(), Error> {
        let Some(sink) = &mut self.0 else {
            return std::future::pending().await;
        };
        let end = sink.end().await;
        self.0 = None;
        match end {
            Ok(End::ReaderGone | End::Drained) => Ok(()),
            Err(error) => Err(Error::Output(error)),
        }
    }

    /// Waits until all is written; a reader that does not read loses the rest.
    async fn finish(mut self, deadline: Instant) {
        if self.0.is_some() && timeout_at(deadline, self.end()).await.is_err() {
            tracing::warn!("standard output is not read: its last lines are lost");
        }
    }
}

/// Whether nobody reads standard output any more.
fn reader_gone() -> bool {
    sink::reader_gone(std::os::fd::AsFd::as_fd(&std::io::stdout()))
}
