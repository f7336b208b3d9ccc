//! Of which findings something was told.

use std::collections::BTreeMap;

use crate::model::event::{Body, Output};
use crate::model::finding::Action;

/// Findings of which something was told, with the sockets of their connections; `true`: they are over.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) findings: BTreeMap<u64, (Option<u64>, bool)>,
}

impl Told {
    /// Takes what is said of a finding.
    pub(super) fn hear(&mut self, output: &Output) {
        let Output::Event(event) = output else {
            return;
        };
        let (finding, sock) = match &event.body {
            Body::Finding {
                connection,
                finding,
            } => (finding, Some(connection.key.sock)),
            Body::ProcessFinding { finding, .. } => (finding, None),
            Body::Transition { .. }
            | Body::Eof { .. }
            | Body::Connection { .. }
            | Body::Incident(_)
            | Body::Lost { .. }
            | Body::Resync { .. } => return,
        };
        let over = finding.action == Action::Resolved;
        self.findings.insert(finding.id, (sock, over));
    }
}
