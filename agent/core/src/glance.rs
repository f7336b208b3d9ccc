//! One look alone, without anybody having watched: what a socket's own stamps do not tell is supposed not to have happened,
//! and every finding says that nobody saw it ([`Settings::single_look`](crate::settings::Settings::single_look)).

use crate::model::look::{HalfClosed, Jiffies, Snapshot, SocketView};
use crate::model::socket::Role;
use crate::model::state::TcpState;
use crate::model::time::Timestamp;

/// Of connections that the peer has ended and of whose FIN nothing is remembered: it came when the peer was last heard, at
/// the latest, and nothing was read or written since.
pub fn suppose(snapshot: &mut Snapshot) {
    let Some(jiffies) = snapshot.jiffies else {
        return;
    };
    for view in &mut snapshot.sockets {
        if view.state == TcpState::CloseWait && view.half().is_none() {
            view.half = supposed(view, jiffies).map(Box::new);
        }
    }
}

/// When anything last came from the peer, by the socket's own stamps; `None` where this way of looking does not show them.
pub fn last_heard(view: &SocketView, jiffies: Jiffies) -> Option<Timestamp> {
    let counters = view.counters?;
    counters.snd_una?;
    let heard = [counters.last_received, counters.last_heard];
    heard.map(|stamp| jiffies.moment(stamp)).into_iter().max()
}

fn supposed(view: &SocketView, jiffies: Jiffies) -> Option<HalfClosed> {
    let counters = view.counters?;
    Some(HalfClosed {
        fin_at: last_heard(view, jiffies)?,
        snd_una: counters.snd_una?,
        write_seq: counters.write_seq?,
        unread: counters.unread,
        last_sent: counters.last_sent,
        last_received: counters.last_received,
        eof_at: None,
        eof_count: 0,
        eof_by: None,
        // A client that has read everything may never have been told: a pool's benefit of the doubt.
        fin_with_data: counters.unread == 0 && view.role == Role::Client,
        by_reset: false,
        connected: view.role == Role::Client,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::look::SocketCounters;

    #[test]
    fn a_fin_came_when_the_peer_was_last_heard_at_the_latest() {
        let jiffies = Jiffies {
            now: 1_000,
            at: Timestamp::from_nanos(90_000_000_000),
            length: Duration::from_millis(10),
        };
        let counters = SocketCounters {
            snd_una: Some(7),
            write_seq: Some(7),
            last_received: 100,
            last_heard: 400,
            unread: 1,
            ..SocketCounters::default()
        };
        let mut view = crate::tests::view(1);
        (view.half, view.counters) = (None, Some(counters));
        let half = supposed(&view, jiffies).unwrap();
        assert_eq!(half.fin_at, Timestamp::from_nanos(84_000_000_000));
        assert!(!half.fin_with_data);
        view.counters = Some(SocketCounters {
            snd_una: None,
            ..counters
        });
        assert_eq!(
            supposed(&view, jiffies),
            None,
            "without stamps nothing is supposed"
        );
    }
}
