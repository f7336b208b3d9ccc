//! What may be said of ordinary life, and why. Anything else that is said is a wrong accusation.

use super::kind::May;

pub(in crate::zoo) const MAY: &[May] = &[
    May {
        of: "redis pool",
        verdict: "stale_pooled",
        why: "pauses for longer than the server's time-out: its idle connections have ended, the next use notices",
    },
    May {
        of: "pymysql pool",
        verdict: "stale_pooled",
        why: "pauses for longer than wait_timeout; the ping before the next use notices",
    },
    May {
        of: "psycopg2 pool",
        verdict: "stale_pooled",
        why: "pauses for longer than idle_session_timeout",
    },
    May {
        of: "memcached idle",
        verdict: "stale_pooled",
        why: "asks less often than the server's idle time-out",
    },
    May {
        of: "haproxy",
        verdict: "eof_unread",
        why: "the client of a long poll has given up; haproxy reads on when the server answers (no `abortonclose`)",
    },
    May {
        of: "curl slow",
        verdict: "eof_unread",
        why: "`--limit-rate` reads a burst and sleeps for tens of seconds; the end lies behind megabytes",
    },
    May {
        of: "curl slower",
        verdict: "eof_unread",
        why: "the same",
    },
];
