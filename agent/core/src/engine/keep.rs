//! What the next run is to know, and going on with what an earlier one has known.

use super::Engine;
use super::told::Told;
use crate::incident::diary::Diary;
use crate::memory::{Alive, Finding, Incident, Memory, Note};
use crate::model::time::Timestamp;

impl Engine {
    /// Goes on where an earlier run has ended: its findings and incidents keep their names, their age and their trend if
    /// the first look shows that they are the same. What has ended meanwhile is told then. To be called before anything
    /// else.
    pub fn restore(&mut self, memory: &Memory) {
        let alive = &memory.alive;
        let findings = || memory.findings.values();
        let bodies = findings().filter_map(|one| Some((one.member.as_ref()?, one.kept.body()?)));
        let incidents = memory.incidents.values().map(|one| &one.kept);
        let settings = &self.rules.settings;
        self.incidents
            .restore(incidents, bodies, &alive.incidents, alive.at, settings);
        let kept = findings().map(|one| one.kept.clone());
        self.watch
            .restore(kept, &alive.watch, alive.at, &self.rules);
        self.watch.number_from(alive.last_finding);
    }

    /// From now on [`Engine::notes`] is called after every turn.
    pub fn begin_notes(&mut self) {
        self.told = Some(Told::default());
        self.incidents.begin_diary();
    }

    /// What is to be written down of what has happened since the last call.
    pub fn notes(&mut self) -> impl Iterator<Item = Note> {
        let told = self.told.as_mut().map(std::mem::take);
        let Diary {
            incidents, members, ..
        } = self.incidents.take_diary();
        let mut findings = told.unwrap_or_default().findings;
        if members.iter().any(|id| !findings.contains_key(id)) {
            let open = self.watch.open_findings();
            let joined = open.filter(|(id, _)| members.contains(id));
            let joined: Vec<_> = joined.collect();
            for (id, sock) in joined {
                findings.entry(id).or_insert((sock, false));
            }
        }
        let now: &Self = self;
        let incidents = incidents
            .into_iter()
            .map(|id| match now.incidents.keep(id) {
                Some(kept) => Note::Incident(Box::new(Incident { kept })),
                None => Note::IncidentOver(id),
            });
        let findings = findings.into_iter().map(|(id, (sock, over))| {
            let open = if over { None } else { now.note(id, sock) };
            open.unwrap_or(Note::Over(id))
        });
        incidents.chain(findings)
    }

    fn note(&self, id: u64, sock: Option<u64>) -> Option<Note> {
        let kept = self.watch.keep(id, sock)?;
        let member = self.incidents.keep_member(id);
        Some(Note::Finding(Box::new(Finding { kept, member })))
    }

    /// That the agent runs, to be written down once a second.
    pub fn alive(&self, now: Timestamp) -> Note {
        Note::Alive(Alive {
            at: now,
            last_finding: self.watch.last_finding(),
            watch: self.watch.clock().clone(),
            incidents: self.incidents.clock().clone(),
        })
    }

    /// Everything that the next run is to know.
    pub fn all_notes(&self, now: Timestamp) -> impl Iterator<Item = Note> {
        let incidents = self
            .incidents
            .ids()
            .filter_map(|id| self.incidents.keep(id));
        let incidents = incidents.map(|kept| Note::Incident(Box::new(Incident { kept })));
        let findings = self.watch.open_findings();
        let findings = findings.filter_map(|(id, sock)| self.note(id, sock));
        std::iter::once(self.alive(now))
            .chain(incidents)
            .chain(findings)
    }
}
