//! What makes one end of a connection notice that the other is gone without a word: keep-alive, the user timeout, and
//! retransmission.

use std::time::Duration;

/// As the application has set it (`struct tcp_sock`, `struct inet_connection_sock`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Guard {
    /// `SO_KEEPALIVE`.
    pub keep_alive: bool,
    /// `TCP_KEEPIDLE`, jiffies; 0: the namespace's.
    pub time: u32,
    /// `TCP_KEEPINTVL`, jiffies; 0: the namespace's.
    pub interval: u32,
    /// `TCP_KEEPCNT`; 0: the namespace's.
    pub probes: u8,
    /// `TCP_USER_TIMEOUT`, milliseconds; 0: none.
    pub user_timeout: u32,
}

/// What a socket gets that asks for nothing: settings of a network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardDefaults {
    /// Inode number of the namespace.
    pub netns: u32,
    /// `net.ipv4.tcp_keepalive_time`.
    pub time: Duration,
    /// `net.ipv4.tcp_keepalive_intvl`.
    pub interval: Duration,
    /// `net.ipv4.tcp_keepalive_probes`.
    pub probes: u8,
    /// `net.ipv4.tcp_retries2`.
    pub retries: u8,
}

/// Probes of an idle connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Idle so long before the first.
    pub time: Duration,
    /// From one to the next.
    pub interval: Duration,
    /// So many unanswered ones are the end.
    pub probes: u8,
}

/// What a socket's settings amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protection {
    /// If it is on.
    pub keep_alive: Option<KeepAlive>,
    /// What is sent must be acknowledged within so long.
    pub user_timeout: Option<Duration>,
    /// `net.ipv4.tcp_retries2`, which counts where there is no user timeout.
    pub retries: u8,
}

/// `TCP_RTO_MIN`: the shortest time before a retransmission.
const RTO_MIN: Duration = Duration::from_millis(200);
/// `TCP_RTO_MAX`: the longest one.
const RTO_MAX: Duration = Duration::from_mins(2);

impl Guard {
    /// With what the namespace gives, for jiffies of this length.
    pub fn protection(self, defaults: GuardDefaults, jiffy: Duration) -> Protection {
        let or = |own: u32, default| {
            if own == 0 {
                default
            } else {
                jiffy.saturating_mul(own)
            }
        };
        let keep_alive = KeepAlive {
            time: or(self.time, defaults.time),
            interval: or(self.interval, defaults.interval),
            probes: if self.probes == 0 {
                defaults.probes
            } else {
                self.probes
            },
        };
        let user_timeout = Duration::from_millis(self.user_timeout.into());
        Protection {
            keep_alive: self.keep_alive.then_some(keep_alive),
            user_timeout: (!user_timeout.is_zero()).then_some(user_timeout),
            retries: defaults.retries,
        }
    }
}

impl Protection {
    /// So long after the last sign of life a peer that is gone is noticed while nothing is sent; `None`: never. The
    /// user timeout alone does nothing here; with keep-alive it takes the place of the number of probes
    /// (`tcp_keepalive_timer`).
    pub fn idle(self) -> Option<Duration> {
        let KeepAlive {
            time,
            interval,
            probes,
        } = self.keep_alive?;
        let unanswered = match self.user_timeout {
            None => u32::from(probes),
            Some(timeout) => steps(timeout.saturating_sub(time), interval).max(1),
        };
        Some(time.saturating_add(interval.saturating_mul(unanswered)))
    }

    /// So long after data was sent a peer that is gone is noticed, at least (`tcp_write_timeout`).
    pub fn sending(self) -> Duration {
        self.user_timeout.unwrap_or_else(|| back_off(self.retries))
    }
}

/// How many intervals cover this time.
fn steps(time: Duration, interval: Duration) -> u32 {
    let steps = time
        .as_nanos()
        .checked_div(interval.as_nanos())
        .unwrap_or(0);
    let whole = interval.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX));
    u32::try_from(steps)
        .unwrap_or(u32::MAX)
        .saturating_add(u32::from(whole < time))
}

/// How long so many retransmissions last, each after twice the time of the one before (`tcp_model_timeout`).
fn back_off(retries: u8) -> Duration {
    let waits = (0..=u32::from(retries)).map(|doubled| {
        let factor = 1_u32.checked_shl(doubled).unwrap_or(u32::MAX);
        RTO_MIN.saturating_mul(factor.max(1)).min(RTO_MAX)
    });
    waits.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULTS: GuardDefaults = GuardDefaults {
        netns: 1,
        time: Duration::from_hours(2),
        interval: Duration::from_secs(75),
        probes: 9,
        retries: 15,
    };
    const JIFFY: Duration = Duration::from_millis(4);

    fn protection(guard: Guard) -> Protection {
        guard.protection(DEFAULTS, JIFFY)
    }

    #[test]
    fn without_keep_alive_an_idle_connection_never_notices() {
        let bare = protection(Guard::default());
        assert_eq!(bare.idle(), None);
        // As documented for tcp_retries2 in ip-sysctl: 924.6 s.
        assert_eq!(bare.sending(), Duration::from_millis(924_600));
        let timeout = protection(Guard {
            user_timeout: 30_000,
            ..Guard::default()
        });
        assert_eq!(timeout.idle(), None, "it counts only what was sent");
        assert_eq!(timeout.sending(), Duration::from_secs(30));
    }

    #[test]
    fn keep_alive_notices_after_its_last_probe() {
        let usual = protection(Guard {
            keep_alive: true,
            ..Guard::default()
        });
        assert_eq!(usual.idle(), Some(Duration::from_secs(7_200 + 9 * 75)));
        let own = protection(Guard {
            keep_alive: true,
            time: 15_000,
            interval: 2_500,
            probes: 3,
            user_timeout: 0,
        });
        assert_eq!(own.idle(), Some(Duration::from_secs(60 + 3 * 10)));
    }

    #[test]
    fn a_user_timeout_takes_the_place_of_the_number_of_probes() {
        let idle = |user_timeout| {
            let guard = Guard {
                keep_alive: true,
                time: 15_000,
                interval: 2_500,
                probes: 9,
                user_timeout,
            };
            protection(guard).idle().unwrap().as_secs()
        };
        assert_eq!(idle(1_000), 70, "one probe must have gone unanswered");
        assert_eq!(idle(70_000), 70);
        assert_eq!(idle(71_000), 80);
    }

    #[test]
    fn settings_without_sense_end() {
        let odd = Guard {
            keep_alive: true,
            time: u32::MAX,
            interval: 1,
            probes: 255,
            user_timeout: u32::MAX,
        };
        let none = GuardDefaults {
            interval: Duration::ZERO,
            retries: 255,
            ..DEFAULTS
        };
        assert!(odd.protection(none, JIFFY).idle().is_some());
        let zero = Guard { interval: 0, ..odd };
        assert!(zero.protection(none, JIFFY).idle().is_some());
        assert!(Guard::default().protection(none, JIFFY).sending() > Duration::from_hours(8));
    }
}
