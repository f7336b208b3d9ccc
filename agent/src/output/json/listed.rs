//! A socket of a list on the wire: what it is like now.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::nanos;
use super::finding::Holder;
use super::guard::Guard;
use super::names::{Severity, Verdict, WaitState};
use crate::output::clock::Time;
use finback_core::model::guard::GuardDefaults;
use finback_core::model::look::{Jiffies, SocketCounters};

/// What one look found of a socket beside its addresses and its state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listed<'a> {
    /// It is in its state since this moment; absent if that was not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// `since` is only the earliest moment that is proven: it may have been so for longer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub since_at_least: bool,
    /// From `since` until the look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_ns: Option<u64>,
    /// Bytes that wait to be read, a FIN counts as one; of a listener: connections in its accept queue (Recv-Q of `ss`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread_bytes: Option<u32>,
    /// Bytes not sent or not acknowledged; of a listener: how many its accept queue may hold (Send-Q of `ss`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unacked_bytes: Option<u32>,
    /// Bytes that were sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_bytes: Option<u64>,
    /// Bytes that were received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received_bytes: Option<u64>,
    /// Data was last sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sent: Option<Time>,
    /// Data was last received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_received: Option<Time>,
    /// Anything was last received, an answer to a probe as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_heard: Option<Time>,
    /// No data went either way for so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_ns: Option<u64>,
    /// What makes it notice that its peer is gone, where that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guard>,
    /// Bytes the peer may still send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_bytes: Option<u32>,
    /// Unanswered retransmissions.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retransmits: u8,
    /// Unanswered probes of a closed window or of an idle connection.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub probes: u8,
    /// The socket's error (errno) that nobody has fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<u32>,
    /// Who waits for the socket and in which way, where that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_state: Option<WaitState>,
    /// It waits in an accept queue: nobody has accepted it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub queued: bool,
    /// Every descriptor that refers to it, or to the listener in whose queue it waits; empty for one that no descriptor
    /// refers to.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<Holder<'a>>,
    /// What is wrong with it, if anything is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// How bad.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Id of the finding about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<u64>,
    /// Id of the incident that counts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<Cow<'a, str>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_zero(number: &u8) -> bool {
    *number == 0
}

impl Listed<'_> {
    /// Adds how long the connection has been idle and what guards it, where the look tells: `defaults` are those of its
    /// network namespace.
    pub fn add_guard(
        &mut self,
        counters: &SocketCounters,
        jiffies: Option<Jiffies>,
        defaults: Option<GuardDefaults>,
    ) {
        let Some((guard, jiffies)) = counters.guard.zip(jiffies) else {
            return;
        };
        // Both stamps are set when the connection is made.
        let data = [counters.last_sent, counters.last_received];
        let last = data.map(|stamp| jiffies.moment(stamp)).into_iter().max();
        self.idle_ns = last.map(|last| nanos(jiffies.at.since(last)));
        self.guard = Some(Guard::from_core(guard, jiffies.length, defaults));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use finback_core::model::guard;
    use finback_core::model::time::Timestamp;

    const JIFFIES: Jiffies = Jiffies {
        now: 5_000,
        at: Timestamp::from_nanos(90_000_000_000),
        length: Duration::from_millis(4),
    };

    fn listed(guard: guard::Guard, defaults: Option<GuardDefaults>) -> Listed<'static> {
        let counters = SocketCounters {
            last_sent: 1_000,
            last_received: 2_500,
            guard: Some(guard),
            ..SocketCounters::default()
        };
        let mut listed = Listed::default();
        listed.add_guard(&counters, Some(JIFFIES), defaults);
        listed
    }

    #[test]
    fn a_namespace_that_cannot_be_entered_leaves_what_the_socket_set_itself() {
        let own = guard::Guard {
            keep_alive: true,
            time: 2_500,
            user_timeout: 30_000,
            ..guard::Guard::default()
        };
        let listed = listed(own, None);
        assert_eq!(listed.idle_ns, Some(10_000_000_000));
        let expected = Guard {
            keep_alive: true,
            keep_alive_time_ns: Some(10_000_000_000),
            user_timeout_ns: Some(30_000_000_000),
            sending_notice_ns: Some(30_000_000_000),
            ..Guard::default()
        };
        assert_eq!(listed.guard, Some(expected));
    }

    #[test]
    fn what_the_look_does_not_tell_is_absent() {
        let mut listed = Listed::default();
        listed.add_guard(&SocketCounters::default(), Some(JIFFIES), None);
        assert_eq!(listed, Listed::default());
        let guard = SocketCounters {
            guard: Some(guard::Guard::default()),
            ..SocketCounters::default()
        };
        listed.add_guard(&guard, None, None);
        assert_eq!(listed, Listed::default());
    }

    #[test]
    fn only_keep_alive_notices_while_nothing_is_sent() {
        let defaults = GuardDefaults {
            netns: 1,
            time: Duration::from_hours(2),
            interval: Duration::from_secs(75),
            probes: 9,
            retries: 15,
        };
        let bare = guard::Guard {
            user_timeout: 5_000,
            ..guard::Guard::default()
        };
        let bare = listed(bare, Some(defaults)).guard.unwrap();
        assert!(bare.is_never());
        assert_eq!(bare.sending_notice_ns, Some(5_000_000_000));
        let on = guard::Guard {
            keep_alive: true,
            ..guard::Guard::default()
        };
        let on = listed(on, Some(defaults)).guard.unwrap();
        assert!(!on.is_never());
        assert_eq!(on.idle_notice_ns, Some(7_875_000_000_000));
    }
}
