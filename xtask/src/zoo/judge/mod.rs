//! Reads finback's stream and keeps what it says about the zoo; then decides who was accused rightly.

mod event;
mod life;
mod trouble;

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use self::event::{Line, Process};

pub(super) use self::{
    event::Severity,
    life::{Row, judge as judge_life},
    trouble::{Judged, Wanted, judge as judge_trouble},
};

/// A verdict about a connection, or about a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// When the line came.
    pub(super) at: SystemTime,
    /// Control group of the process within the zoo's; empty if it is not known.
    pub(super) who: String,
    /// Name of the process (`comm`).
    pub(super) program: String,
    pub(super) pid: u32,
    pub(super) verdict: String,
    /// `client` or `server`, and the server's port; for a process none.
    pub(super) role: String,
    pub(super) port: u16,
    /// Id of the finding.
    pub(super) id: u64,
}

/// The worst that an incident came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) who: String,
    pub(super) program: String,
    pub(super) severity: Severity,
    /// Of the worst severity.
    pub(super) reason: Option<String>,
    pub(super) verdicts: BTreeSet<String>,
    /// The latest forecast: nanoseconds until no descriptor is left.
    pub(super) full_in_ns: Option<u64>,
}

/// What was said about the zoo.
#[derive(Debug)]
pub(super) struct Record {
    networks: BTreeSet<u64>,
    group: String,
    /// Control group of a process, if it is still there.
    group_of: fn(u32) -> Option<String>,
    /// Processes that were seen, with their control groups: many are gone when they are spoken of.
    seen: BTreeMap<u32, String>,
    pub(super) said: Vec<Said>,
    /// By id.
    pub(super) causes: BTreeMap<String, Cause>,
    /// Connections that were established, by the server's port.
    pub(super) connections: BTreeMap<u16, u64>,
    /// Records that finback lost.
    pub(super) lost: u64,
}

impl Record {
    /// Of what happens in these network namespaces (inode numbers), or below this control group (`/zoo/`).
    pub(super) const fn new(
        networks: BTreeSet<u64>,
        group: String,
        group_of: fn(u32) -> Option<String>,
    ) -> Self {
        Self {
            networks,
            group,
            group_of,
            seen: BTreeMap::new(),
            said: Vec::new(),
            causes: BTreeMap::new(),
            connections: BTreeMap::new(),
            lost: 0,
        }
    }

    /// Takes one line; whether it is a finding or an incident of the zoo's.
    pub(super) fn line(&mut self, text: &str, at: SystemTime) -> bool {
        let Ok(line) = serde_json::from_str::<Line>(text) else {
            return false;
        };
        if let Some(lost) = &line.lost {
            self.lost += lost.records;
        }
        self.incident(&line) || (self.is_ours(&line) && self.connection(&line, at))
    }

    fn connection(&mut self, line: &Line, at: SystemTime) -> bool {
        let (role, port) = end(line);
        self.remember(line);
        if line
            .transition
            .as_ref()
            .is_some_and(|one| one.to == "established")
            && role == "server"
        {
            *self.connections.entry(port).or_default() += 1;
        }
        let Some(finding) = &line.finding else {
            return false;
        };
        let process = line.process.as_ref();
        let said = Said {
            at,
            who: self.who(line),
            program: process.map(|one| one.comm.clone()).unwrap_or_default(),
            pid: process.map_or(0, |one| one.pid),
            verdict: finding.verdict.clone(),
            role,
            port,
            id: finding.id,
        };
        let mut told = self.said.iter();
        if !told.any(|old| (old.id, &old.verdict, &old.who) == (said.id, &said.verdict, &said.who))
        {
            self.said.push(said);
        }
        true
    }

    fn incident(&mut self, line: &Line) -> bool {
        let Some(incident) = &line.incident else {
            return false;
        };
        let known = self
            .said
            .iter()
            .find(|said| incident.findings.contains(&said.id));
        if !self.in_group(line) && known.is_none() && !self.causes.contains_key(&incident.id) {
            return false;
        }
        let mut who = self.who(line);
        if let (true, Some(said)) = (who.is_empty(), known) {
            who.clone_from(&said.who);
        }
        let program = line.process.as_ref().map(|one| one.comm.clone());
        let cause = self
            .causes
            .entry(incident.id.clone())
            .or_insert_with(|| Cause {
                who,
                program: program.unwrap_or_default(),
                severity: Severity::Info,
                reason: None,
                verdicts: BTreeSet::new(),
                full_in_ns: None,
            });
        if incident.severity > cause.severity {
            cause.severity = incident.severity;
            cause.reason.clone_from(&incident.reason);
        }
        let verdicts = incident.verdicts.iter().map(|one| one.verdict.clone());
        cause.verdicts.extend(verdicts);
        let full = incident.descriptors.as_ref().and_then(|one| one.full_in_ns);
        cause.full_in_ns = full.or(cause.full_in_ns);
        true
    }

    fn is_ours(&self, line: &Line) -> bool {
        let network = line.socket.as_ref().map(|socket| socket.netns);
        network.is_some_and(|one| self.networks.contains(&one)) || self.in_group(line)
    }

    fn in_group(&self, line: &Line) -> bool {
        let group = line.cgroup.as_deref();
        group.is_some_and(|group| group.starts_with(&self.group))
    }

    fn remember(&mut self, line: &Line) {
        let process = line.process.as_ref().filter(|process| process.pid != 0);
        if let Some(Process { pid, .. }) = process
            && let Some(group) = (self.group_of)(*pid)
        {
            self.seen.insert(*pid, group);
        }
    }

    /// The control group within the zoo's.
    fn who(&self, line: &Line) -> String {
        let seen = || self.seen.get(&line.process.as_ref()?.pid);
        let group = line.cgroup.as_ref().or_else(seen);
        let group = group.map(String::as_str).unwrap_or_default();
        group
            .strip_prefix(&self.group)
            .unwrap_or_default()
            .to_owned()
    }
}

/// The role of this end, and the server's port.
fn end(line: &Line) -> (String, u16) {
    let role = line.socket.as_ref().map(|socket| socket.role.clone());
    let role = role.unwrap_or_default();
    let port = line.network.as_ref().map_or(0, |network| {
        if role == "client" {
            network.peer.port
        } else {
            network.local.port
        }
    });
    (role, port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record::new([7].into(), "/zoo/".into(), |_| None)
    }

    #[test]
    fn what_happens_elsewhere_on_the_host_is_not_the_zoo_s() {
        let mut record = record();
        let finding =
            r#"{"socket":{"netns":8},"cgroup":"/x","finding":{"id":1,"verdict":"inherited"}}"#;
        let incident =
            r#"{"cgroup":"/x","incident":{"id":"a","severity":"critical","findings":[1]}}"#;
        assert!(!record.line(finding, SystemTime::UNIX_EPOCH));
        assert!(!record.line(incident, SystemTime::UNIX_EPOCH));
        assert!(!record.line("no JSON", SystemTime::UNIX_EPOCH));
    }

    #[test]
    fn connections_are_counted_at_the_server() {
        let mut record = record();
        let of = |role: &str, local, peer| {
            format!(
                r#"{{"socket":{{"netns":7,"role":"{role}"}},
                    "network":{{"local":{{"port":{local}}},"peer":{{"port":{peer}}}}},
                    "transition":{{"to":"established"}}}}"#
            )
        };
        assert!(!record.line(&of("server", 80, 4000), SystemTime::UNIX_EPOCH));
        assert!(!record.line(&of("client", 4000, 80), SystemTime::UNIX_EPOCH));
        assert_eq!(record.connections, [(80, 1)].into());
    }

    #[test]
    fn an_incident_keeps_its_worst_severity_and_its_latest_forecast() {
        let mut record = record();
        for (severity, full) in [("warning", 9), ("critical", 5), ("info", 4)] {
            let line = format!(
                r#"{{"cgroup":"/zoo/web","process":{{"comm":"p"}},
                    "incident":{{"id":"a","severity":"{severity}","reason":"of {severity}",
                    "descriptors":{{"full_in_ns":{full}}}}}}}"#
            );
            assert!(record.line(&line, SystemTime::UNIX_EPOCH));
        }
        let cause = &record.causes["a"];
        assert_eq!(cause.severity, Severity::Critical);
        assert_eq!(cause.reason.as_deref(), Some("of critical"));
        assert_eq!((cause.full_in_ns, cause.who.as_str()), (Some(4), "web"));
    }

    #[test]
    fn a_process_that_is_gone_when_it_is_spoken_of_is_known_from_before() {
        let mut record = Record::new([7].into(), "/zoo/".into(), |pid| {
            (pid == 5).then(|| "/zoo/curl".to_owned())
        });
        let before =
            r#"{"socket":{"netns":7},"process":{"pid":5},"transition":{"to":"established"}}"#;
        assert!(!record.line(before, SystemTime::UNIX_EPOCH));
        record.group_of = |_| None;
        let finding = r#"{"socket":{"netns":7},"process":{"pid":5},"finding":{"id":1,"verdict":"eof_unread"}}"#;
        assert!(record.line(finding, SystemTime::UNIX_EPOCH));
        assert_eq!(record.said[0].who, "curl");
    }

    #[test]
    fn an_update_with_the_same_verdict_says_nothing_new() {
        let mut record = record();
        for verdict in ["eof_unread", "eof_unread", "not_closed"] {
            let line = format!(
                r#"{{"socket":{{"netns":7}},"cgroup":"/zoo/web","finding":{{"id":1,"verdict":"{verdict}"}}}}"#
            );
            assert!(record.line(&line, SystemTime::UNIX_EPOCH));
        }
        assert_eq!(record.said.len(), 2);
    }
}
