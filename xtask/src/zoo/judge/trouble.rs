//! Trouble: the right verdict about the right process, as severe as it is.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use super::{Record, Severity};

/// What is wanted of a fault.
#[derive(Clone, Copy, Debug)]
pub(in crate::zoo) struct Wanted<'a> {
    /// Its control group.
    pub(in crate::zoo) who: &'a str,
    pub(in crate::zoo) verdict: &'a str,
    pub(in crate::zoo) program: &'a str,
    pub(in crate::zoo) severity: Severity,
    /// Whether the time until descriptors run out must be told.
    pub(in crate::zoo) forecast: bool,
    /// When the trouble began.
    pub(in crate::zoo) since: Option<SystemTime>,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::zoo) struct Judged {
    /// All verdicts about the fault's processes: `redis-server: never_accepted`.
    pub(in crate::zoo) got: BTreeSet<String>,
    /// The verdict was said.
    pub(in crate::zoo) found: bool,
    /// And of the right process.
    pub(in crate::zoo) process_right: bool,
    /// From the beginning of the trouble to the finding.
    pub(in crate::zoo) delay: Option<Duration>,
    /// The worst of the incident, with its reason.
    pub(in crate::zoo) severity: Severity,
    pub(in crate::zoo) reason: Option<String>,
    pub(in crate::zoo) forecast: Option<Duration>,
    /// Other programs that were warned of.
    pub(in crate::zoo) accused: BTreeSet<String>,
    pub(in crate::zoo) passed: bool,
}

/// Compares.
pub(in crate::zoo) fn judge(record: &Record, wanted: &Wanted<'_>) -> Judged {
    let about = || record.said.iter().filter(|said| said.who == wanted.who);
    let causes = || {
        record
            .causes
            .values()
            .filter(|cause| cause.who == wanted.who)
    };
    let mut judged = Judged {
        got: about()
            .map(|said| format!("{}: {}", said.program, said.verdict))
            .collect(),
        found: about().any(|said| said.verdict == wanted.verdict),
        ..Judged::default()
    };
    let right =
        about().find(|said| said.verdict == wanted.verdict && said.program == wanted.program);
    judged.process_right = right.is_some();
    judged.delay = right.and_then(|said| said.at.duration_since(wanted.since?).ok());
    let ours = causes().filter(|cause| cause.program == wanted.program);
    if let Some(worst) = ours.clone().max_by_key(|cause| cause.severity) {
        judged.severity = worst.severity;
        judged.reason.clone_from(&worst.reason);
    }
    let forecast = ours.filter_map(|cause| cause.full_in_ns).min();
    judged.forecast = forecast.map(Duration::from_nanos);
    judged.accused = causes()
        .filter(|cause| cause.program != wanted.program && cause.severity > Severity::Info)
        .map(|cause| cause.program.clone())
        .collect();
    judged.passed = judged.process_right
        && judged.severity == wanted.severity
        && (judged.forecast.is_some() || !wanted.forecast)
        && judged.accused.is_empty();
    judged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(program: &str, severity: &str) -> Judged {
        let mut record = Record::new([7].into(), "/zoo/".into(), |_| None);
        let finding = format!(
            r#"{{"socket":{{"netns":7,"role":"server"}},"cgroup":"/zoo/fault",
                "process":{{"comm":"{program}"}},"finding":{{"id":1,"verdict":"never_accepted"}}}}"#
        );
        let incident = format!(
            r#"{{"cgroup":"/zoo/fault","process":{{"comm":"{program}"}},
                "incident":{{"id":"i","severity":"{severity}","reason":"queue","findings":[1]}}}}"#
        );
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(8);
        for line in [finding, incident] {
            assert!(record.line(&line, at));
        }
        let wanted = Wanted {
            who: "fault",
            verdict: "never_accepted",
            program: "gunicorn",
            severity: Severity::Warning,
            forecast: false,
            since: Some(SystemTime::UNIX_EPOCH),
        };
        judge(&record, &wanted)
    }

    #[test]
    fn the_right_word_about_the_right_process_passes() {
        let judged = judged("gunicorn", "warning");
        assert!(judged.passed);
        assert_eq!(judged.delay, Some(Duration::from_secs(8)));
        assert_eq!(judged.reason.as_deref(), Some("queue"));
    }

    #[test]
    fn the_right_word_about_another_process_does_not() {
        let judged = judged("curl", "warning");
        assert!(judged.found && !judged.process_right && !judged.passed);
        assert_eq!(judged.accused, ["curl".to_owned()].into());
    }

    #[test]
    fn too_severe_is_wrong_as_well() {
        assert!(!judged("gunicorn", "critical").passed);
    }
}
