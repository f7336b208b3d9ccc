//! Ordinary life: everything that is said and not listed is a wrong accusation.

use std::collections::BTreeMap;

use super::{Record, Said, Severity};

/// What was said about one service or client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::zoo) struct Row {
    pub(in crate::zoo) name: String,
    /// That were established with a service.
    pub(in crate::zoo) connections: u64,
    /// Verdicts with the number of findings.
    pub(in crate::zoo) findings: BTreeMap<String, u64>,
    /// Incidents that became a warning or worse.
    pub(in crate::zoo) warnings: u64,
    /// What is not on the list, as a sentence each.
    pub(in crate::zoo) wrong: Vec<String>,
}

/// Rows of inhabitants, in their order: names with the ports they serve. `may` says whether this verdict is allowed of
/// this one; `elsewhere` whether a control group belongs to something else than ordinary life.
pub(in crate::zoo) fn judge(
    record: &Record,
    names: &[(&str, &[u16])],
    group: impl Fn(&str) -> String,
    may: impl Fn(&str, &str) -> bool,
    elsewhere: impl Fn(&str) -> bool,
) -> Vec<Row> {
    let mut rows: Vec<Row> = names
        .iter()
        .map(|(name, ports)| Row {
            name: (*name).to_owned(),
            connections: ports
                .iter()
                .filter_map(|port| record.connections.get(port))
                .sum(),
            ..Row::default()
        })
        .collect();
    rows.push(Row {
        name: "(nobody known)".to_owned(),
        ..Row::default()
    });
    let last = rows.len() - 1;
    let place = |who: &str| names.iter().position(|(name, _)| group(name) == who);
    for said in record.said.iter().filter(|said| !elsewhere(&said.who)) {
        let row = &mut rows[place(&said.who).unwrap_or(last)];
        *row.findings.entry(said.verdict.clone()).or_default() += 1;
        if !may(&row.name, &said.verdict) {
            row.wrong.push(sentence(said));
        }
    }
    for cause in record
        .causes
        .values()
        .filter(|cause| !elsewhere(&cause.who))
    {
        if cause.severity > Severity::Info {
            let row = &mut rows[place(&cause.who).unwrap_or(last)];
            row.warnings += 1;
            let reason = cause.reason.as_deref().unwrap_or("no reason");
            row.wrong.push(format!(
                "{}: {} ({reason})",
                cause.program,
                cause.severity.word()
            ));
        }
    }
    rows.retain(|row| row.name != "(nobody known)" || !row.wrong.is_empty());
    rows
}

fn sentence(said: &Said) -> String {
    let Said {
        program,
        pid,
        role,
        port,
        verdict,
        id,
        ..
    } = said;
    format!("{program}[{pid}], {role} of port {port}: {verdict} (finding {id})")
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn rows(verdict: &str, severity: &str) -> Vec<Row> {
        let mut record = Record::new([7].into(), "/zoo/".into(), |_| None);
        let finding = format!(
            r#"{{"socket":{{"netns":7,"role":"client"}},"cgroup":"/zoo/a_pool",
                "finding":{{"id":1,"verdict":"{verdict}"}}}}"#
        );
        let incident = format!(
            r#"{{"cgroup":"/zoo/a_pool","incident":{{"id":"i","severity":"{severity}","findings":[1]}}}}"#
        );
        for line in [finding, incident] {
            assert!(record.line(&line, SystemTime::UNIX_EPOCH));
        }
        judge(
            &record,
            &[("a pool", &[])],
            |name| name.replace(' ', "_"),
            |of, verdict| (of, verdict) == ("a pool", "stale_pooled"),
            |who| who == "fault",
        )
    }

    #[test]
    fn what_is_on_the_list_is_no_accusation() {
        let rows = rows("stale_pooled", "info");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].findings, [("stale_pooled".to_owned(), 1)].into());
        assert!(rows[0].wrong.is_empty());
    }

    #[test]
    fn another_verdict_is_wrong_even_as_info() {
        assert_eq!(rows("not_closed", "info")[0].wrong.len(), 1);
    }

    #[test]
    fn a_warning_is_wrong_whatever_it_is_about() {
        let row = &rows("stale_pooled", "warning")[0];
        assert_eq!((row.warnings, row.wrong.len()), (1, 1));
    }
}
