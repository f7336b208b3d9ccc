//! What a socket's settings amount to, in one sentence.

use std::time::Duration;

use super::span::Span;
use crate::output::json::Guard;

/// One sentence of 73 columns at most.
pub(super) fn sentence(guard: &Guard) -> String {
    if guard.is_never() {
        return format!(
            "off: never, unless it writes; then {}",
            after_writing(guard)
        );
    }
    let Some((time, notice)) = guard.keep_alive_time_ns.zip(guard.idle_notice_ns) else {
        return "on, with settings of a network namespace that cannot be entered".into();
    };
    format!(
        "keep-alive after {}, {}: notices after {}",
        span(time),
        until(guard),
        span(notice)
    )
}

fn until(guard: &Guard) -> String {
    let interval = span(guard.keep_alive_interval_ns.unwrap_or(0));
    match (guard.user_timeout_ns, guard.keep_alive_probes) {
        (Some(timeout), _) => {
            format!("every {interval}, user timeout {}", span(timeout))
        }
        (None, Some(1)) => format!("then one probe, {interval} to answer"),
        (None, probes) => format!("then {} probes {interval} apart", probes.unwrap_or(0)),
    }
}

fn after_writing(guard: &Guard) -> String {
    match (guard.user_timeout_ns, guard.sending_notice_ns) {
        (Some(timeout), _) => format!("after {} (TCP_USER_TIMEOUT)", span(timeout)),
        (None, Some(notice)) => format!("after about {} (tcp_retries2)", span(notice)),
        (None, None) => "when retransmission ends (tcp_retries2)".into(),
    }
}

const fn span(ns: u64) -> Span {
    Span(Duration::from_nanos(ns))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn settings_are_told_by_what_they_amount_to() {
        let usual = Guard {
            keep_alive: true,
            keep_alive_time_ns: Some(7_200 * SECOND),
            keep_alive_interval_ns: Some(75 * SECOND),
            keep_alive_probes: Some(9),
            user_timeout_ns: None,
            idle_notice_ns: Some(7_875 * SECOND),
            sending_notice_ns: Some(924_600_000_000),
        };
        let off = Guard {
            sending_notice_ns: usual.sending_notice_ns,
            ..Guard::default()
        };
        let timeout = Some(30 * SECOND);
        let cases = [
            (
                usual,
                "keep-alive after 2 h, then 9 probes 75 s apart: notices after 2 h 11 min",
            ),
            (
                Guard {
                    user_timeout_ns: timeout,
                    idle_notice_ns: Some(7_275 * SECOND),
                    ..usual
                },
                "keep-alive after 2 h, every 75 s, user timeout 30 s: notices after 2 h 1 min",
            ),
            (
                off,
                "off: never, unless it writes; then after about 15 min (tcp_retries2)",
            ),
            (
                Guard {
                    user_timeout_ns: timeout,
                    ..off
                },
                "off: never, unless it writes; then after 30 s (TCP_USER_TIMEOUT)",
            ),
            (
                Guard::default(),
                "off: never, unless it writes; then when retransmission ends (tcp_retries2)",
            ),
            (
                Guard {
                    keep_alive: true,
                    ..Guard::default()
                },
                "on, with settings of a network namespace that cannot be entered",
            ),
        ];
        for (guard, expected) in cases {
            assert_eq!(sentence(&guard), expected);
            assert!(expected.len() <= 78, "{expected}");
        }
    }
}
