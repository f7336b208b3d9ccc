//! What makes a socket notice that its peer is gone, on the wire.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::nanos;
use finback_core::model::guard::{self, GuardDefaults};

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
