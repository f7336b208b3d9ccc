//! What may be said of ordinary life, and why. Anything else that is said is a wrong accusation.

use super::May;

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
];
