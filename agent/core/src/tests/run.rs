//! The agent's loop around the engine, with the model as its kernel, and what must hold in it.

use std::collections::{BTreeMap, BTreeSet};

use super::justice::{self, Memory};
use super::model::{Act, Model, Places, Truth};
use super::*;
use crate::engine::Engine;
use crate::model::event::Output;
use crate::model::finding::Confidence;
use crate::model::process::ProcessView;

/// Whoever has read on once waits for more until the end.
fn settings() -> Settings {
    Settings {
        peer_quiet: Duration::from_hours(1_000),
        ..Settings::default()
    }
}

/// What becomes of a record on its way.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    Arrives,
    Lost,
    Twice,
    AfterTheNext,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Act(usize, Act),
    /// Milliseconds, few enough that the ring is not read meanwhile; 0 makes a tie.
    Tick(u64),
    /// Milliseconds in which everything arrives and timers fire.
    Wait(u64),
    Fates(Vec<Fate>),
    /// The answers come though older records are still in the ring.
    Overtake,
}

/// A look at the model's kernel, and what was true then.
struct Answer {
    snapshot: Snapshot,
    truth: Vec<(Truth, Memory)>,
}

/// The agent's loop around the engine, with the model as its kernel.
pub(super) struct Run {
    pub(super) model: Model,
    pub(super) engine: Engine,
    pub(super) fates: Vec<Fate>,
    places: Places,
    /// Answers on their way to the engine: what happens meanwhile overtakes them.
    answers: Vec<Answer>,
    /// A look takes no time: otherwise until the next timer.
    pub(super) prompt: bool,
    /// What was true at the look that is being handled.
    truth: (u64, Vec<(Truth, Memory)>),
    /// Open findings by id: about which connection.
    pub(super) open: BTreeMap<u64, u64>,
    resolved: BTreeSet<u64>,
    /// Findings that no truth deserved at the latest look.
    undeserved: BTreeSet<u64>,
    /// Everything that was told.
    pub(super) told: Vec<Event>,
}

impl Run {
    pub(super) fn new(places: Places) -> Self {
        let mut run = Self {
            model: Model::new(places),
            engine: Engine::new(settings()),
            fates: Vec::new(),
            places,
            answers: Vec::new(),
            prompt: false,
            truth: (0, Vec::new()),
            open: BTreeMap::new(),
            resolved: BTreeSet::new(),
            undeserved: BTreeSet::new(),
            told: Vec::new(),
        };
        run.engine.handle_timeout(at(0));
        run.answer();
        run.hand_over_answers();
        run
    }

    pub(super) fn step(&mut self, step: &Step) {
        match step {
            Step::Act(socket, act) => self.model.act(*socket, *act),
            Step::Tick(ms) => self.model.now += ms,
            Step::Wait(ms) => self.wait(*ms),
            Step::Fates(fates) => self.fates.clone_from(fates),
            Step::Overtake => self.hand_over_answers(),
        }
    }

    /// Other settings; what this kernel is like stays.
    pub(super) fn configure(&mut self, set: Settings) {
        let Settings {
            verdicts,
            incidents,
            ..
        } = set;
        let set = Settings {
            verdicts,
            incidents,
            ..settings()
        };
        self.engine.configure(set, at(self.model.now));
    }

    pub(super) fn wait(&mut self, pause: u64) {
        self.read_ring();
        let end = self.model.now + pause;
        loop {
            let due = ms(self.engine.poll_timeout());
            if due > end {
                break;
            }
            self.model.now = due.max(self.model.now);
            self.read_ring();
            self.engine.handle_timeout(at(self.model.now));
            self.answer();
            if self.prompt {
                self.hand_over_answers();
            }
        }
        self.model.now = end;
    }

    /// Hands over what is in the ring, as far as it arrives, and then the answers.
    pub(super) fn read_ring(&mut self) {
        let mut late = None;
        for (n, record) in std::mem::take(&mut self.model.ring).into_iter().enumerate() {
            let fate = match self.fates.len() {
                0 => Fate::Arrives,
                len => self.fates[n % len],
            };
            match fate {
                Fate::Lost => continue,
                Fate::AfterTheNext if late.is_none() => {
                    late = Some(record);
                    continue;
                }
                Fate::Twice => self.engine.handle(&record, at(self.model.now)),
                Fate::Arrives | Fate::AfterTheNext => {}
            }
            self.engine.handle(&record, at(self.model.now));
            if let Some(late) = late.take() {
                self.engine.handle(&late, at(self.model.now));
            }
        }
        if let Some(late) = late {
            self.engine.handle(&late, at(self.model.now));
        }
        self.answer();
        self.hand_over_answers();
    }

    fn hand_over_answers(&mut self) {
        for answer in std::mem::take(&mut self.answers) {
            let taken = ms(answer.snapshot.taken);
            self.truth = (taken, answer.truth);
            self.engine
                .handle_look(&answer.snapshot, at(self.model.now));
            self.answer();
            self.check_open();
        }
    }

    /// Looks at the whole kernel as it is now.
    fn take(&self) -> Answer {
        let full = self.model.connections.iter().filter(|c| c.full);
        Answer {
            snapshot: self.model.snapshot(),
            truth: full.map(|c| (c.clone(), self.memory(c))).collect(),
        }
    }

    fn memory(&self, truth: &Truth) -> Memory {
        Memory {
            fin: self.model.remembers(truth.sock),
            opener: self.places != Places::Lost,
        }
    }

    pub(super) fn answer(&mut self) {
        while let Some(output) = self.engine.next_output() {
            match output {
                Output::Event(event) => {
                    self.told.push(event.clone());
                    if let Body::Finding {
                        connection,
                        finding,
                    } = &event.body
                    {
                        self.check(connection.key.sock, finding);
                        let ends = finding.action == Action::Resolved;
                        assert!(!ends || finding.opened < event.time, "in the same instant");
                    }
                }
                Output::Scan => self.engine.handle_scan(&self.model.scan()),
                Output::Look { .. } => self.answers.push(self.take()),
                Output::Mark(sock) => {
                    self.model.mark(sock);
                }
                Output::Unmark(sock) => {
                    self.model.marked.remove(&sock);
                }
                Output::Clear(place) => self.model.clear(place),
                Output::SweepTimeWait(_) | Output::LookAtPorts { .. } => {}
                // Nobody knows what the processes run: they go by their short names.
                Output::LookAtProcesses(processes) => {
                    let found: Vec<_> = processes.into_iter().map(nameless).collect();
                    self.engine.handle_processes(&found, at(self.model.now));
                }
                Output::LostRequest(lost) => {
                    let lost = (ms(lost.time), true);
                    assert!(self.model.refused.contains(&lost), "{lost:?}");
                }
            }
        }
    }

    /// Incidents, as they were told last, count what is open.
    pub(super) fn check_incidents(&self) {
        let told = self.engine.incidents();
        let counted: u32 = told.iter().map(|incident| incident.connections).sum();
        assert_eq!(counted as usize, self.open.len());
    }

    fn check(&mut self, sock: u64, finding: &Finding) {
        match finding.action {
            Action::Opened => {
                assert!(!self.resolved.contains(&finding.id), "opened after its end");
                assert!(self.open.values().all(|&open| open != sock), "opened twice");
                assert_eq!(self.open.insert(finding.id, sock), None, "its id is taken");
                self.check_proof(sock, finding);
            }
            Action::Updated => {
                assert_eq!(self.open.get(&finding.id), Some(&sock));
                self.check_proof(sock, finding);
            }
            Action::Resolved => {
                assert_eq!(self.open.remove(&finding.id), Some(sock), "not open");
                assert!(self.resolved.insert(finding.id), "resolved twice");
                assert!(finding.resolution.is_some());
            }
        }
    }

    /// What the finding says is true, and has been for its threshold.
    fn check_proof(&self, sock: u64, finding: &Finding) {
        let (now, truth) = &self.truth;
        let found = truth.iter().find(|(c, _)| c.sock == sock);
        let (truth, memory) = found.expect("the connection exists");
        check_confidence(truth, *memory, finding);
        let just = justice::is_just(truth, *memory, finding.verdict, *now);
        assert!(just, "{finding:?} {truth:?}");
        let holders = if truth.accepted {
            truth.holder()
        } else {
            holder(3, 3)
        };
        assert_eq!(finding.holders, [holders]);
        let since = justice::since(truth, finding.verdict);
        let idle = Duration::from_millis(now - since);
        assert!(idle >= finding.evidence.threshold, "{idle:?} {truth:?}");
    }

    /// A finding that nothing deserves any more is over one look later.
    fn check_open(&mut self) {
        let (_, truth) = &self.truth;
        let deserved: BTreeSet<u64> = truth
            .iter()
            .filter(|(c, memory)| !justice::deserved(c, *memory).is_empty())
            .map(|(c, _)| c.sock)
            .collect();
        let open = self.open.iter();
        let undeserved: BTreeSet<u64> = open
            .filter(|(_, sock)| !deserved.contains(sock))
            .map(|(&id, _)| id)
            .collect();
        let stays: Vec<_> = undeserved.intersection(&self.undeserved).collect();
        assert!(stays.is_empty(), "stay open: {stays:?}");
        self.undeserved = undeserved;
    }

    /// What deserves a finding as things are, by socket: each verdict with how long it may take.
    pub(super) fn wrong(&self) -> BTreeMap<u64, Vec<(Verdict, Duration)>> {
        let full = self.model.connections.iter().filter(|c| c.full);
        full.map(|c| {
            let memory = self.memory(c);
            let verdicts = justice::deserved(c, memory).into_iter();
            let due = |verdict| {
                let excused = justice::may_be_excused(verdict) && self.may_be_relay(c);
                if excused {
                    justice::NEVER
                } else {
                    justice::due(c, memory, verdict)
                }
            };
            let due = verdicts.map(|verdict| (verdict, due(verdict)));
            (c.sock, due.collect())
        })
        .filter(|(_, verdicts): &(u64, Vec<_>)| !verdicts.is_empty())
        .collect()
    }

    /// Another connection of the same process may carry on for this one.
    fn may_be_relay(&self, ended: &Truth) -> bool {
        let others = self.model.connections.iter();
        let mut carrying = others.filter(|c| c.full && c.open && c.state == TcpState::FinWait2);
        carrying.any(|c| c.holder == ended.holder)
    }

    /// The verdict of the open finding.
    pub(super) fn verdict(&self, sock: u64) -> Option<Verdict> {
        let told = self.open.values().any(|open| *open == sock);
        let verdict = self.open_verdict(sock);
        assert_eq!(told, verdict.is_some(), "the engine has those that it told");
        verdict
    }

    fn open_verdict(&self, sock: u64) -> Option<Verdict> {
        let id = self.open.iter().find(|&(_, open)| *open == sock)?.0;
        let findings = self.engine.findings();
        let finding = findings.iter().find(|finding| finding.id == *id);
        finding.map(|finding| finding.verdict)
    }
}

/// Where nothing is missing the proof is complete.
fn check_confidence(truth: &Truth, memory: Memory, finding: &Finding) {
    let missing = &finding.evidence.missing[..];
    let expected = finding.confidence == Confidence::Proven;
    assert_eq!(missing.is_empty(), expected);
    let told = memory.fin && (truth.eof_at.is_some() || truth.fin_with_data);
    for part in missing {
        let fits = match *part {
            "eof" => truth.unread == 0 && !told,
            "fin" => !memory.fin && truth.client,
            // Nothing was heard of a peer that is not on this host.
            "peer" => matches!(
                finding.verdict,
                Verdict::NotClosed | Verdict::EofNotRequested
            ),
            // Nobody is seen waiting in this kernel; or the child is not younger than the last use.
            "use" => finding.verdict == Verdict::StalePooled || truth.holder != 7,
            "purpose" => finding.verdict == Verdict::WriteAfterFin,
            _ => false,
        };
        assert!(fits, "{part} of {finding:?}");
    }
}

fn nameless(id: ProcessId) -> ProcessView {
    ProcessView {
        id,
        ended: false,
        identity: None,
        descriptors: None,
    }
}
