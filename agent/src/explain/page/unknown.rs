//! What is not known, and what would tell it.

use super::super::case::{Case, Source};
use crate::output::json::{Finding, Role, State};

pub(super) fn section(case: &Case<'_, '_>) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(finding) = case.finding() {
        all.extend(finding.missing.iter().map(|name| missing(name).to_owned()));
        all.extend(at_least(case, finding));
    }
    if case.role() == Role::Unknown && case.state() != State::Listen {
        all.push(
            "Which end connected: it is older than whoever looked, and no listener has its port."
                .into(),
        );
    }
    all.extend(one_look(case));
    all
}

/// As `missing` names it.
fn missing(name: &str) -> &str {
    match name {
        "fin" => {
            "The numbers at the moment of the FIN: what was sent since then cannot be told from before."
        }
        "peer" => {
            "Whether anybody is left at the other end: a keep-alive probe or a write would tell."
        }
        "use" => {
            "Who used it last, or would have: a pool and a forgotten connection look the same."
        }
        "answer" => {
            "Whether what waits unread is an answer or the server's goodbye: their number over time tells."
        }
        "purpose" => {
            "Whether what was written was a request or a goodbye: they are the same segments."
        }
        "mate" => "Whether another connection of the process carries on for this one.",
        "eof" => "Whether a read has returned the end-of-stream: nothing on this kernel sees it.",
        "upper_layer" => {
            "What the program has read: a layer in the kernel (kTLS or the like) reads in its place."
        }
        other => other,
    }
}

fn at_least(case: &Case<'_, '_>, finding: &Finding<'_>) -> Option<String> {
    let listed = case.listed().is_some_and(|listed| listed.since_at_least);
    let unseen = finding.half_closed_since.is_none() && finding.half_closed_ns.is_some();
    (listed || unseen).then(|| {
        "Since when exactly: the end was not seen to come, so the times are the least that it has lasted.".to_owned()
    })
}

/// What a look without a daemon cannot see.
fn one_look(case: &Case<'_, '_>) -> Option<String> {
    let wrong =
        case.finding().is_some() || matches!(case.state(), State::CloseWait | State::FinWait2);
    (case.source == Source::Look && wrong).then(|| {
        "One look sees what is, not what was: who was told and when, who opened it, whether the peer was seen to \
         close, whether there are more and more. `finback run` knows that of everything that happens from then on."
            .to_owned()
    })
}
