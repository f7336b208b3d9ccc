//! The feed: each event is encoded once for all who want the same, however many read it.
//!
//! Lines are collected into chunks, a chunk per batch of the ring, and a chunk goes through a bounded broadcast
//! channel. Whoever reads too slowly loses whole chunks; lines are counted per channel, and a `lost` line says in
//! their place how many there were.

mod channel;
mod subscription;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, broadcast};

use self::channel::{CHUNKS, Channel, Chunk, write};
pub use self::channel::{Format, Tune};
pub use self::subscription::Subscription;
use super::clock::{Time, WallClock};
use super::json::{self, About, Body, Event, Hello};
use super::select::{Kind, Selection};
use finback_core::model::event as core;

/// Numbers, encodes and sends the events.
#[derive(Debug)]
pub struct Feed {
    channels: Vec<Channel>,
    handle: Handle,
    seq: u64,
    /// [`Shared::opened`] as far as it was taken over.
    opened: u64,
}

impl Feed {
    /// A feed that greets its subscribers with `hello`.
    pub fn new(hello: Hello<'static>) -> Self {
        let shared = Shared {
            hello,
            state: Mutex::new(State {
                channels: Vec::new(),
                sent: 0,
                ended: false,
            }),
            opened: AtomicU64::new(0),
            changed: Notify::new(),
        };
        Self {
            channels: Vec::new(),
            handle: Handle(Arc::new(shared)),
            seq: 0,
            opened: 0,
        }
    }

    /// For those who want to subscribe.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Numbers an event and encodes it for whoever wants it. Returns its number.
    pub fn publish(&mut self, event: &core::Event, clock: WallClock, about: About<'_>) -> u64 {
        let takes = |select: Selection| select.takes(&event.body);
        self.send(takes, |seq| json::event(event, seq, clock, about))
    }

    /// The same for what the engine does not tell.
    pub fn announce(&mut self, kind: Kind, time: Time, body: Body<'_>) -> u64 {
        let takes = |select: Selection| select.has(kind);
        self.send(takes, |seq| Event {
            schema: json::SCHEMA,
            seq,
            time,
            body,
        })
    }

    fn send<'e>(
        &mut self,
        takes: impl Fn(Selection) -> bool,
        encode: impl FnOnce(u64) -> Event<'e>,
    ) -> u64 {
        self.seq += 1;
        self.take_over();
        let wants = |channel: &Channel| takes(channel.tune.select) && channel.is_heard();
        if !self.channels.iter().any(wants) {
            return self.seq;
        }
        let wire = encode(self.seq);
        for channel in self.channels.iter_mut().filter(|channel| wants(channel)) {
            channel.push(&wire);
        }
        if self.channels.iter().any(Channel::is_full) {
            self.flush();
        }
        self.seq
    }

    /// Channels that were opened since the last time.
    fn take_over(&mut self) {
        if self.handle.0.opened.load(Ordering::Acquire) == self.opened {
            return;
        }
        let shared = Arc::clone(&self.handle.0);
        let state = shared.lock();
        self.opened = shared.opened.load(Ordering::Acquire);
        let new =
            |opened: &Opened| Channel::new(opened.tune.clone(), opened.sender.clone(), opened.sent);
        for (channel, opened) in self.channels.iter_mut().zip(&state.channels) {
            if channel.tune != opened.tune {
                *channel = new(opened);
            }
        }
        let known = self.channels.len();
        self.channels
            .extend(state.channels.iter().skip(known).map(new));
    }

    /// Sends what was encoded. To be called at the end of a batch.
    pub fn flush(&mut self) {
        let mut state = self.handle.0.lock();
        for (channel, shared) in self.channels.iter_mut().zip(&mut state.channels) {
            channel.send();
            shared.sent = channel.sent();
        }
        state.sent = self.seq;
    }

    /// What all readers together want.
    pub fn wanted(&self) -> Selection {
        self.handle.wanted()
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let mut state = self.handle.0.lock();
        state.ended = true;
        state.channels.clear();
    }
}

/// Opens subscriptions, from any thread, for as long as the feed lives.
#[derive(Clone, Debug)]
pub struct Handle(Arc<Shared>);

/// What the feed and its readers share.
struct Shared {
    hello: Hello<'static>,
    /// Locked while chunks are sent, so that a subscription begins between two.
    state: Mutex<State>,
    /// How many channels were opened.
    opened: AtomicU64,
    /// Somebody has come or gone.
    changed: Notify,
}

struct State {
    channels: Vec<Opened>,
    /// Number of the last event sent.
    sent: u64,
    ended: bool,
}

/// A channel that somebody has asked for; it stays, for the next one. One with a filter that nobody hears is given to
/// another filter.
struct Opened {
    tune: Tune,
    sender: broadcast::Sender<Chunk>,
    /// Lines sent.
    sent: u64,
}

impl Opened {
    /// Nobody hears it, and hardly anybody will ask for the same again.
    fn is_free(&self) -> bool {
        self.tune.filter.is_some() && self.sender.receiver_count() == 0
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("hello", &self.hello)
            .finish_non_exhaustive()
    }
}

impl Handle {
    /// A new reader. `slow` is the reason of the `lost` line it gets for what it does not read in time.
    /// `None` if the feed has ended.
    pub fn subscribe(
        &self,
        format: Format,
        select: Selection,
        slow: &'static str,
    ) -> Option<Subscription> {
        let tune = Tune {
            format,
            select,
            filter: None,
        };
        self.tune_in(tune, slow)
    }

    /// The same for whoever wants to choose among the lines.
    pub fn tune_in(&self, tune: Tune, slow: &'static str) -> Option<Subscription> {
        let format = tune.format;
        let shared = &self.0;
        let mut state = shared.lock();
        if state.ended {
            return None;
        }
        let channels = &mut state.channels;
        let known = channels.iter().position(|opened| opened.tune == tune);
        let index = known.unwrap_or_else(|| {
            let opened = Opened {
                tune,
                sender: broadcast::Sender::new(CHUNKS),
                sent: 0,
            };
            shared.opened.fetch_add(1, Ordering::Release);
            let free = channels.iter().position(Opened::is_free);
            if let Some((free, place)) = free.and_then(|at| Some((at, channels.get_mut(at)?))) {
                *place = opened;
                return free;
            }
            channels.push(opened);
            channels.len() - 1
        });
        let opened = state.channels.get(index)?;
        let receiver = opened.sender.subscribe();
        let (lines, sent) = (opened.sent, state.sent);
        drop(state);
        shared.changed.notify_one();
        let time = Time::now();
        Some(Subscription {
            format,
            slow,
            receiver: Some(receiver),
            greeting: Some(self.greeting(format, sent, time).into()),
            after: sent,
            seen: lines,
            seen_at: time,
            shared: Arc::clone(shared),
        })
    }

    fn greeting(&self, format: Format, sent: u64, time: Time) -> Vec<u8> {
        let hello = Event {
            schema: json::SCHEMA,
            seq: sent,
            time,
            body: Body::Hello {
                hello: Hello {
                    next_seq: sent + 1,
                    ..self.0.hello.clone()
                },
            },
        };
        let mut greeting = Vec::new();
        write(&hello, format, &mut greeting);
        greeting
    }

    /// What all readers together want.
    pub fn wanted(&self) -> Selection {
        let state = self.0.lock();
        let heard = state
            .channels
            .iter()
            .filter(|opened| opened.sender.receiver_count() > 0);
        heard.fold(Selection::NONE, |all, opened| all.union(opened.tune.select))
    }

    /// Comes when a reader has come or gone since the last time.
    pub async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// Number of the last event sent.
    pub fn sent(&self) -> u64 {
        self.0.lock().sent
    }

    /// How many read the stream now.
    pub fn subscribers(&self) -> usize {
        let state = self.0.lock();
        let readers = state.channels.iter().map(|one| one.sender.receiver_count());
        readers.sum()
    }

    /// What subscribers are greeted with.
    pub fn hello(&self) -> &Hello<'static> {
        &self.0.hello
    }
}

#[cfg(test)]
mod tests;
