//! What makes a socket notice that its peer is gone, on the wire.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::nanos;
use super::listed::Listed;
use finback_core::model::guard::{self, GuardDefaults};
use finback_core::model::look::{Jiffies, SocketCounters};

/// Keep-alive and the user timeout, what the network namespace adds, and what that amounts to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Guard {
    /// Keep-alive is on (`SO_KEEPALIVE`).
    pub keep_alive: bool,
    /// Idle so long before the first probe (`TCP_KEEPIDLE`, else `tcp_keepalive_time`); absent where keep-alive is off, or
    /// the socket leaves it to a namespace that cannot be entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_alive_time_ns: Option<u64>,
    /// From probe to probe (`TCP_KEEPINTVL`, else `tcp_keepalive_intvl`); absent likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_alive_interval_ns: Option<u64>,
    /// So many unanswered probes are the end (`TCP_KEEPCNT`, else `tcp_keepalive_probes`); absent likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_alive_probes: Option<u8>,
    /// What is sent must be acknowledged within so long (`TCP_USER_TIMEOUT`); absent if that was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_timeout_ns: Option<u64>,
    /// While nothing is sent, a peer that is gone is noticed so long after it was last heard; absent: never, or
    /// (`keep_alive`) not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_notice_ns: Option<u64>,
    /// It is noticed so long after something was sent, at least; absent if that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sending_notice_ns: Option<u64>,
}

impl Guard {
    /// What a socket has set, with what its namespace adds, if that is known.
    pub fn from_core(
        guard: guard::Guard,
        jiffy: Duration,
        defaults: Option<GuardDefaults>,
    ) -> Self {
        let Some(defaults) = defaults else {
            return Self::alone(guard, jiffy);
        };
        let protection = guard.protection(defaults, jiffy);
        let keep_alive = protection.keep_alive;
        Self {
            keep_alive: guard.keep_alive,
            keep_alive_time_ns: keep_alive.map(|keep_alive| nanos(keep_alive.time)),
            keep_alive_interval_ns: keep_alive.map(|keep_alive| nanos(keep_alive.interval)),
            keep_alive_probes: keep_alive.map(|keep_alive| keep_alive.probes),
            user_timeout_ns: protection.user_timeout.map(nanos),
            idle_notice_ns: protection.idle().map(nanos),
            sending_notice_ns: Some(nanos(protection.sending())),
        }
    }

    /// What a socket has set itself.
    fn alone(guard: guard::Guard, jiffy: Duration) -> Self {
        let own = |jiffies: u32| (jiffies != 0).then(|| nanos(jiffy * jiffies));
        let user_timeout = Duration::from_millis(guard.user_timeout.into());
        let user_timeout_ns = (!user_timeout.is_zero()).then(|| nanos(user_timeout));
        Self {
            keep_alive: guard.keep_alive,
            keep_alive_time_ns: own(guard.time),
            keep_alive_interval_ns: own(guard.interval),
            keep_alive_probes: (guard.probes != 0).then_some(guard.probes),
            user_timeout_ns,
            idle_notice_ns: None,
            sending_notice_ns: user_timeout_ns,
        }
    }

    /// Whether a peer that is gone would never be noticed while nothing is sent.
    pub const fn is_never(&self) -> bool {
        !self.keep_alive
    }
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
    use super::*;
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
