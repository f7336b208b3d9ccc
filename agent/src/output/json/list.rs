//! What one look found, as lines of a list.

use std::hash::BuildHasher as _;
use std::io;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::about::About;
use super::duration::nanos;
use super::encode::{network, of_process, process};
use super::finding::Holder;
use super::listed::Listed;
use super::socket::{Connection, Network, Socket, Subject};
use super::{Body, Event, SCHEMA};
use crate::output::clock::{Time, WallClock};
use crate::process::Descriptions;
use finback_core::engine;
use finback_core::glance::last_heard;
use finback_core::model::ends::Ends;
use finback_core::model::guard::GuardDefaults;
use finback_core::model::look::{Snapshot, SocketCounters, SocketView, Unheld};
use finback_core::model::socket::{self, Attribution, Endpoints, SocketKey};
use finback_core::model::state::TcpState;
use finback_core::model::time::Timestamp;

/// What is wrong with sockets, by their addresses in the kernel.
#[derive(Clone, Debug, Default)]
pub struct Accused(FxHashMap<u64, engine::Accused>);

impl FromIterator<engine::Accused> for Accused {
    fn from_iter<T: IntoIterator<Item = engine::Accused>>(all: T) -> Self {
        Self(all.into_iter().map(|one| (one.key.sock, one)).collect())
    }
}

impl Accused {
    /// What is wrong with this one, and not with another that has had its socket.
    fn get(&self, view: &SocketView) -> Option<&engine::Accused> {
        let known = self.0.get(&view.sock);
        known.filter(|known| known.endpoints == view.endpoints)
    }
}

/// A look and what is wrong with what it shows.
#[derive(Debug)]
pub struct List<'a> {
    snapshot: &'a Snapshot,
    clock: WallClock,
    /// Findings.
    accused: &'a Accused,
    /// What network namespaces give to sockets that ask for nothing.
    defaults: &'a [GuardDefaults],
    /// Every end that a descriptor refers to.
    ends: Ends<'a>,
}

impl<'a> List<'a> {
    /// Of a look.
    pub fn new(
        snapshot: &'a Snapshot,
        clock: WallClock,
        accused: &'a Accused,
        defaults: &'a [GuardDefaults],
    ) -> Self {
        Self {
            snapshot,
            clock,
            accused,
            defaults,
            ends: Ends::of(&snapshot.sockets),
        }
    }

    /// Tells every line: those to which a descriptor or an accept queue leads, then those that go on without.
    pub fn each(
        &self,
        people: &mut Descriptions,
        take: &mut dyn FnMut(&Event<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut seq = 0;
        let held = self.snapshot.sockets.iter();
        people.get(held.filter_map(Self::owner).map(|process| process.id));
        let about = About {
            processes: Some(people),
            ..About::default()
        };
        for view in &self.snapshot.sockets {
            seq += 1;
            take(&self.held(view, seq, about))?;
        }
        let unheld = self.snapshot.unheld.iter();
        for socket in unheld.flat_map(|unheld| &unheld.sockets) {
            seq += 1;
            take(&self.unheld(socket, seq))?;
        }
        Ok(())
    }

    /// The process that a socket's line names.
    fn owner(view: &'a SocketView) -> Option<&'a Arc<socket::Process>> {
        let holders = match &view.queued {
            Some(queued) => &queued.listeners,
            None => &view.holders,
        };
        socket::Holder::first(holders).map(|holder| &holder.process)
    }

    /// The same of the other end, where that is on this host.
    fn peer_owner(&self, view: &SocketView) -> Option<&'a Arc<socket::Process>> {
        Self::owner(self.ends.find(&view.endpoints.reversed())?)
    }

    /// The `seq`-th line: a socket to which a descriptor or an accept queue leads.
    fn held(&self, view: &'a SocketView, seq: u64, about: About<'a>) -> Event<'a> {
        let peer = self.ends.find(&view.endpoints.reversed());
        let peer_owner = self.peer_owner(view);
        let owner = Self::owner(view).map(|owner| (&**owner, attribution(view, owner)));
        let subject = Subject {
            socket: Some(Socket {
                id: self.key(view).into(),
                cookie: view.cookie,
                inode: view.inode,
                netns: view.endpoints.netns,
                role: view.role.into(),
            }),
            network: Some(between(
                view.endpoints,
                view.state,
                peer.map(|peer| peer.state),
            )),
            peer_process: peer_owner
                .map(|owner| process(owner, Attribution::Holder, self.clock, about)),
            ..of_process(owner, self.clock, about)
        };
        self.event(seq, subject, self.listed(view, about))
    }

    /// The `seq`-th line: one that goes on without a descriptor.
    fn unheld(&self, unheld: &Unheld, seq: u64) -> Event<'a> {
        let endpoints = unheld.endpoints;
        let peer = self.ends.find(&endpoints.reversed());
        // Nothing is known of it but its addresses.
        let nameless = nameless(0, endpoints);
        let subject = Subject {
            socket: Some(Socket {
                id: nameless.into(),
                cookie: None,
                inode: None,
                netns: endpoints.netns,
                role: socket::Role::Unknown.into(),
            }),
            network: Some(between(
                endpoints,
                unheld.state,
                peer.map(|peer| peer.state),
            )),
            ..of_process(None, self.clock, About::default())
        };
        self.event(seq, subject, Listed::default())
    }

    fn event(&self, seq: u64, subject: Subject<'a>, listed: Listed<'a>) -> Event<'a> {
        Event {
            schema: SCHEMA,
            seq,
            time: self.clock.at(self.snapshot.taken),
            body: Body::Socket {
                subject,
                listed: Box::new(listed),
            },
        }
    }

    fn listed(&self, view: &'a SocketView, about: About<'a>) -> Listed<'a> {
        let accused = self.accused.get(view);
        let finding = accused.map(|accused| &accused.finding);
        let incident = accused.and_then(|accused| accused.incident);
        let holders = match &view.queued {
            Some(queued) => &queued.listeners,
            None => &view.holders,
        };
        let since = self.since(view);
        let age = since.map(|(since, _)| self.snapshot.taken.since(since));
        let holders = holders.iter();
        Listed {
            since: since.map(|(since, _)| self.clock.at(since)),
            since_at_least: since.is_some_and(|(_, exact)| !exact),
            age_ns: age.map(nanos),
            wait_state: view.waiting.map(|waiting| waiting.state.into()),
            queued: view.queued.is_some(),
            holders: holders
                .map(|holder| Holder::from_core(holder, self.clock, about))
                .collect(),
            verdict: finding.map(|finding| finding.verdict.into()),
            severity: finding.map(|finding| finding.severity.into()),
            finding: finding.map(|finding| finding.id),
            incident: incident.map(|id| id.to_string().into()),
            ..self.numbers(view)
        }
    }

    fn numbers(&self, view: &SocketView) -> Listed<'a> {
        let Some(counters) = view.counters else {
            return Listed::default();
        };
        if view.state == TcpState::Listen {
            return Listed {
                unread_bytes: Some(counters.backlog),
                unacked_bytes: Some(counters.max_backlog),
                ..Listed::default()
            };
        }
        let stamped = counters.snd_una.is_some();
        let mut listed = self.amounts(view, &counters, stamped);
        if view.queued.is_none() {
            let netns = view.endpoints.netns;
            let defaults = self.defaults.iter().find(|known| known.netns == netns);
            listed.add_guard(&counters, self.snapshot.jiffies, defaults.copied());
        }
        listed
    }

    fn amounts(&self, view: &SocketView, counters: &SocketCounters, stamped: bool) -> Listed<'a> {
        let stamp = |stamp| self.stamp(stamp).filter(|_| stamped);
        Listed {
            unread_bytes: Some(counters.unread),
            unacked_bytes: Some(counters.unacked),
            sent_bytes: stamped.then_some(counters.bytes_sent),
            received_bytes: stamped.then_some(counters.bytes_received),
            last_sent: stamp(counters.last_sent).filter(|_| counters.bytes_sent > 0),
            last_received: stamp(counters.last_received).filter(|_| counters.bytes_received > 0),
            last_heard: self.heard(view, counters),
            window_bytes: counters.window,
            retransmits: counters.retransmits,
            probes: counters.probes,
            error: Some(counters.error).filter(|error| *error != 0),
            ..Listed::default()
        }
    }

    /// As its finding names it, or as the watch would, as far as the look tells.
    fn key(&self, view: &SocketView) -> SocketKey {
        if let Some(accused) = self.accused.get(view) {
            return accused.key;
        }
        let born = view.opener.as_ref().map(|opener| opener.since);
        let fin_at = view.half().map(|half| half.fin_at);
        match born.or(fin_at) {
            Some(birth) => SocketKey {
                sock: view.sock,
                birth,
            },
            None => nameless(view.sock, view.endpoints),
        }
    }

    fn stamp(&self, stamp: u32) -> Option<Time> {
        let jiffies = self.snapshot.jiffies?;
        Some(self.clock.at(jiffies.moment(stamp)))
    }

    fn heard(&self, view: &SocketView, counters: &SocketCounters) -> Option<Time> {
        let anything = counters.bytes_received > 0 || counters.bytes_acked > 0;
        let heard = last_heard(view, self.snapshot.jiffies?)?;
        anything.then(|| self.clock.at(heard))
    }

    /// Since when it is in its state, and whether that is exact.
    fn since(&self, view: &SocketView) -> Option<(Timestamp, bool)> {
        match (view.state, view.half()) {
            (TcpState::CloseWait, Some(half)) => Some((half.fin_at, true)),
            (TcpState::Closed, Some(half)) if half.by_reset => Some((half.fin_at, true)),
            (TcpState::CloseWait, None) => {
                let heard = last_heard(view, self.snapshot.jiffies?)?;
                Some((heard, false))
            }
            (TcpState::Established, _) => Some((view.opener.as_ref()?.since, true)),
            _ => None,
        }
    }
}

/// How sure it is that the socket is this process's.
fn attribution(view: &SocketView, owner: &socket::Process) -> Attribution {
    let opener = view.opener.as_ref();
    let opener = opener.filter(|opener| opener.process.id == owner.id);
    match (opener, &view.queued) {
        (Some(opener), _) => opener.attribution,
        (None, Some(_)) => Attribution::Listener,
        (None, None) => Attribution::Holder,
    }
}

/// One whose birth nobody has seen is named by what it has instead: the same in every look, and another socket's never.
fn nameless(sock: u64, endpoints: Endpoints) -> SocketKey {
    let hash = rustc_hash::FxBuildHasher.hash_one((sock, endpoints));
    SocketKey {
        sock,
        birth: Timestamp::from_nanos(hash),
    }
}

fn between(ends: Endpoints, state: TcpState, peer: Option<TcpState>) -> Network {
    Network {
        connection: Connection {
            state: state.into(),
            peer_state: peer.map(Into::into),
        },
        ..network(ends, state)
    }
}
