//! How long applications take to notice that their peers have hung up, and how long connections wait to be accepted:
//! out of one record and more per connection, so only while somebody scrapes that.

use std::time::Duration;

use finback_core::model::interest::Interest;
use finback_core::model::observation::{Observation, Open, StateChange, What};
use finback_core::model::socket::{Attribution, Role};
use finback_core::model::state::TcpState;
use finback_core::model::time::Timestamp;
use rustc_hash::FxHashMap;
use tokio::time::Instant;

use super::family::{Family, Histogram, Kind, Labels, Point, Unit, Value};
use super::kit::{label, number};

/// Nobody who scrapes waits longer from one time to the next; after it the records end.
const ABSENT: Duration = Duration::from_mins(5);

/// Connections in accept queues that are remembered at most; what does not fit is not observed.
const WAITING: usize = 64 << 10;

/// Upper bounds in seconds: from what a busy loop takes to what nobody waits for.
const BOUNDS: [f64; 14] = [
    0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 60.0, 600.0, 3600.0,
];

/// The states of which every change is asked for.
const STATES: [TcpState; 6] = [
    TcpState::Established,
    TcpState::CloseWait,
    TcpState::FinWait1,
    TcpState::LastAck,
    TcpState::TimeWait,
    TcpState::Closed,
];

/// What was observed since somebody asked for it.
#[derive(Debug, Default)]
pub struct Lifetimes {
    until: Option<Instant>,
    delivered: Observed,
    closed: Observed,
    accepted: Observed,
    transitions: [u64; STATES.len()],
    /// When connections that nobody has accepted yet were established, by their sockets.
    waiting: FxHashMap<u64, Timestamp>,
}

#[derive(Debug, Default)]
struct Observed {
    buckets: [u64; BOUNDS.len()],
    above: u64,
    sum: Duration,
}

impl Lifetimes {
    /// Somebody wants them now.
    pub fn want(&mut self, now: Instant) {
        self.until = Some(now + ABSENT);
    }

    /// Whether that was too long ago: then nothing more is observed.
    pub fn expire(&mut self, now: Instant) -> bool {
        let expired = self.until.is_some_and(|until| until <= now);
        if expired {
            self.until = None;
            self.waiting = FxHashMap::default();
        }
        expired
    }

    /// What the kernel is to tell for it.
    pub fn interest(&self) -> Interest {
        if self.until.is_none() {
            return Interest::NONE;
        }
        let mut interest = Interest::in_states(STATES);
        interest.eof = true;
        interest
    }

    /// What the kernel has told.
    pub fn observe(&mut self, all: &[Observation]) {
        if self.until.is_none() {
            return;
        }
        for observation in all {
            self.one(observation);
        }
    }

    fn one(&mut self, observation: &Observation) {
        let (time, sock) = (observation.time, observation.sock);
        match &observation.what {
            What::State(change) => self.change(time, sock, change),
            What::Eof(eof) => {
                if let Some(fin) = eof.fin_at {
                    self.delivered.add(time.since(fin));
                }
            }
            What::Open(open) if is_accept(open) => {
                if let Some(established) = self.waiting.remove(&sock) {
                    self.accepted.add(time.since(established));
                }
            }
            What::TimeWaitEntered { substate, .. } => self.count(*substate),
            What::End(_) => {
                self.waiting.remove(&sock);
            }
            What::Open(_)
            | What::ResetWrite(_)
            | What::ResetQueued { .. }
            | What::Segment { .. }
            | What::TimeWaitLeft { .. } => {}
        }
    }

    fn change(&mut self, time: Timestamp, sock: u64, change: &StateChange) {
        self.count(change.to);
        if change.to == TcpState::Established && change.role == Role::Server {
            if self.waiting.len() < WAITING {
                self.waiting.insert(sock, time);
            }
        } else if change.to == TcpState::Closed {
            self.waiting.remove(&sock);
        }
        if change.from == TcpState::CloseWait
            && let Some(fin) = change.entered
        {
            self.closed.add(time.since(fin));
        }
    }

    fn count(&mut self, to: TcpState) {
        let at = STATES.iter().position(|state| *state == to);
        if let Some(count) = at.and_then(|at| self.transitions.get_mut(at)) {
            *count += 1;
        }
    }

    /// Nothing where nobody has asked for it lately.
    pub fn families(&self) -> Vec<Family> {
        if self.until.is_none() {
            return Vec::new();
        }
        let mut transitions = Family::new(
            "finback_transitions",
            Kind::Counter,
            "Changes of connections to a state, while /metrics?collect=lifetimes is scraped: a record each",
        );
        for (state, count) in STATES.iter().zip(self.transitions) {
            transitions.add(label("state", name(*state)), number(count));
        }
        vec![
            transitions,
            self.delivered.family(
                "finback_fin_to_end_of_stream",
                "From a peer's FIN until the application was handed the end-of-stream, while \
                 /metrics?collect=lifetimes is scraped: a record per connection",
            ),
            self.closed.family(
                "finback_fin_to_close",
                "From a peer's FIN until the application closed its side (time in CLOSE_WAIT), while \
                 /metrics?collect=lifetimes is scraped: a record per connection",
            ),
            self.accepted.family(
                "finback_accept_queue_wait",
                "From the handshake until the application accepted the connection, while \
                 /metrics?collect=lifetimes is scraped: two records per connection",
            ),
        ]
    }
}

fn is_accept(open: &Open) -> bool {
    open.owner.attribution == Attribution::Accept
}

const fn name(state: TcpState) -> &'static str {
    match state {
        TcpState::Established => "established",
        TcpState::CloseWait => "close_wait",
        TcpState::FinWait1 => "fin_wait1",
        TcpState::LastAck => "last_ack",
        TcpState::TimeWait => "time_wait",
        TcpState::Closed => "closed",
        TcpState::Listen
        | TcpState::SynSent
        | TcpState::SynReceived
        | TcpState::FinWait2
        | TcpState::Closing => "other",
    }
}

impl Observed {
    fn add(&mut self, time: Duration) {
        self.sum += time;
        let seconds = time.as_secs_f64();
        let at = BOUNDS.iter().position(|bound| seconds <= *bound);
        let bucket = at.and_then(|at| self.buckets.get_mut(at));
        *bucket.unwrap_or(&mut self.above) += 1;
    }

    fn family(&self, name: &'static str, help: &'static str) -> Family {
        let histogram = Histogram {
            buckets: BOUNDS.into_iter().zip(self.buckets).collect(),
            above: self.above,
            sum: self.sum.as_secs_f64(),
        };
        let mut family = Family::new(name, Kind::Histogram, help).unit(Unit::Seconds);
        family.points.push(Point {
            labels: Labels::new(),
            value: Value::Histogram(histogram),
        });
        family
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use finback_core::model::observation::Eof;
    use finback_core::model::socket::{Endpoints, Owner, Process, ProcessId};

    const fn at(ms: u64) -> Timestamp {
        Timestamp::from_nanos(1_000_000_000 + ms * 1_000_000)
    }

    fn ends() -> Endpoints {
        Endpoints {
            local: ([192, 0, 2, 1], 80).into(),
            peer: ([192, 0, 2, 2], 4711).into(),
            netns: 1,
        }
    }

    fn change(ms: u64, from: TcpState, to: TcpState, entered: Option<u64>) -> Observation {
        Observation {
            time: at(ms),
            sock: 7,
            what: What::State(StateChange {
                endpoints: ends(),
                from,
                to,
                entered: entered.map(at),
                role: Role::Server,
                error: 0,
                dead: false,
                fin_received: false,
                shutdown: false,
                closed: false,
                exiting: false,
                unattached: false,
                unread: 0,
                actor: None,
                cookie: None,
            }),
        }
    }

    fn accept(ms: u64) -> Observation {
        let process = Process {
            id: ProcessId {
                pid: 1,
                start: at(0),
            },
            comm: "shop".into(),
            uid: None,
            cgroup: None,
            group: None,
        };
        Observation {
            time: at(ms),
            sock: 7,
            what: What::Open(Open {
                endpoints: ends(),
                state: TcpState::Established,
                role: Role::Server,
                owner: Owner {
                    process: Arc::new(process),
                    thread: None,
                    attribution: Attribution::Accept,
                    since: at(ms),
                },
                inode: None,
            }),
        }
    }

    fn eof(ms: u64, fin: u64) -> Observation {
        Observation {
            time: at(ms),
            sock: 7,
            what: What::Eof(Eof {
                endpoints: ends(),
                state: TcpState::CloseWait,
                fin_at: Some(at(fin)),
                pid: 1,
                thread: 1,
            }),
        }
    }

    fn histogram(lifetimes: &Lifetimes, name: &str) -> Histogram {
        let families = lifetimes.families();
        let family = families.iter().find(|family| family.name == name).unwrap();
        let Value::Histogram(histogram) = &family.points[0].value else {
            panic!("{family:?}");
        };
        histogram.clone()
    }

    #[tokio::test]
    async fn a_life_is_measured_from_its_records() {
        use TcpState::{CloseWait, Closed, Established, LastAck, SynReceived};
        let mut lifetimes = Lifetimes::default();
        lifetimes.want(Instant::now());
        lifetimes.observe(&[
            change(0, SynReceived, Established, None),
            accept(250),
            change(1_000, Established, CloseWait, Some(0)),
            eof(1_002, 1_000),
            change(3_000, CloseWait, LastAck, Some(1_000)),
            change(3_001, LastAck, Closed, Some(3_000)),
        ]);
        let sum = |name| {
            let histogram = histogram(&lifetimes, name);
            assert_eq!(histogram.count(), 1, "{name}");
            Duration::from_secs_f64(histogram.sum).as_millis()
        };
        assert_eq!(sum("finback_accept_queue_wait"), 250);
        assert_eq!(sum("finback_fin_to_end_of_stream"), 2);
        assert_eq!(sum("finback_fin_to_close"), 2_000);
        assert!(lifetimes.waiting.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_asked_of_the_kernel_unless_somebody_scrapes() {
        let mut lifetimes = Lifetimes::default();
        assert!(lifetimes.interest().is_none() && lifetimes.families().is_empty());
        lifetimes.want(Instant::now());
        assert!(!lifetimes.interest().is_none());
        tokio::time::advance(ABSENT / 2).await;
        assert!(!lifetimes.expire(Instant::now()));
        tokio::time::advance(ABSENT).await;
        assert!(lifetimes.expire(Instant::now()));
        assert!(lifetimes.interest().is_none() && lifetimes.families().is_empty());
    }

    #[tokio::test]
    async fn what_waits_is_bounded() {
        let mut lifetimes = Lifetimes::default();
        lifetimes.want(Instant::now());
        for sock in 0..2 * WAITING as u64 {
            let mut one = change(0, TcpState::SynReceived, TcpState::Established, None);
            one.sock = sock;
            lifetimes.observe(&[one]);
        }
        assert_eq!(lifetimes.waiting.len(), WAITING);
    }
}
