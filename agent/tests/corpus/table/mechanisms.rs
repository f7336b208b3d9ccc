//! What must be found.

use super::super::step::Step::{Burst, Close, Deaf, Flood, Hear, HearAll, Pause, Reset, Say};
use super::Act::{Alone, Both, Call, Serve};
use super::Language::{C, Go, Java, Node, Php, Python, Ruby, Rust};
use super::Of::{After, Each, First, Process};
use super::Who::{Child, Program, Test};
use super::{Expect, Scenario, expect, scenario};

const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/// More is announced than ever comes.
const LONG: &str = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";

const EOF_UNREAD: &[Expect] = &[expect(Each, Program, "eof_unread")];
const NOT_CLOSED: &[Expect] = &[expect(Each, Program, "not_closed")];
const NEVER_ACCEPTED: &[Expect] = &[expect(Each, Program, "never_accepted")];
const STALE_POOLED: &[Expect] = &[expect(Each, Program, "stale_pooled")];

/// The server's answer, then its keep-alive timeout.
const KEEP_ALIVE_ENDS: &[super::super::step::Step] = &[Hear, Say(OK), Pause(500), Close];

pub(super) const ALL: &[Scenario] = &[
    scenario(
        "S1",
        Go,
        "proxy.go",
        Both {
            front: &[Say("question"), Pause(300), Close],
            back: &[Hear, HearAll],
        },
        &[
            // The proxy has passed the end on: the server at the end of the chain keeps it.
            expect(After(1), Program, "peer_not_closing"),
            expect(After(1), Test, "not_closed"),
        ],
    ),
    scenario(
        "S2",
        Go,
        "body.go",
        Serve {
            count: 3,
            steps: &[Hear, Say(LONG), Burst(30000), Close],
        },
        EOF_UNREAD,
    ),
    scenario(
        "S2",
        Java,
        "StreamKept.java",
        Serve {
            count: 1,
            steps: &[Hear, Say(LONG), Burst(60000), Pause(300), Close],
        },
        EOF_UNREAD,
    ),
    scenario(
        "S3",
        Go,
        "reads_once.go",
        Call {
            count: 1,
            steps: &[Say("the last words"), Close],
        },
        &[expect(Each, Program, "eof_not_requested")],
    ),
    scenario(
        "S4",
        Go,
        "lock.go",
        Call {
            count: 1,
            steps: &[
                Say("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"),
                Pause(300),
                Close,
            ],
        },
        EOF_UNREAD,
    ),
    scenario(
        "S5",
        Go,
        "dead.go",
        Call {
            count: 1,
            steps: &[Say(GET), Pause(100), Deaf],
        },
        &[expect(Each, Program, "dead_peer")],
    ),
    scenario(
        "S7",
        Go,
        "exporter.go",
        Call {
            count: 5,
            steps: &[Say(GET), Close],
        },
        &[
            expect(First(3), Program, "not_closed"),
            expect(After(3), Program, "never_accepted"),
        ],
    ),
    scenario(
        "S7",
        C,
        "nobody_looks.c",
        Call {
            count: 1,
            steps: &[Say(GET), Pause(300), Reset],
        },
        &[expect(Each, Program, "dead_open")],
    ),
    scenario(
        "S9",
        Rust,
        "stale_write.rs",
        Serve {
            count: 1,
            steps: &[Hear, Say(OK), Pause(200), Close],
        },
        &[expect(Each, Program, "write_after_fin")],
    ),
    scenario(
        "S10",
        Rust,
        "pool_grows.rs",
        Serve {
            count: 40,
            steps: &[Hear, Say(OK), Pause(200), Close],
        },
        &[expect(Each, Program, "stale_pooled")],
    ),
    scenario(
        "S11",
        Rust,
        "starved.rs",
        Call {
            count: 4,
            steps: &[Say(GET), Close],
        },
        &[
            expect(First(2), Program, "eof_unread"),
            expect(After(2), Program, "never_accepted"),
        ],
    ),
    scenario(
        "S12",
        Rust,
        "channel.rs",
        Call {
            count: 2,
            steps: &[Say("version"), Pause(300), Close],
        },
        EOF_UNREAD,
    ),
    scenario(
        "S13",
        C,
        "frontends.c",
        Call {
            count: 4,
            steps: &[Say(GET), Close],
        },
        &[
            expect(First(2), Program, "not_closed"),
            expect(After(2), Program, "never_accepted"),
        ],
    ),
    scenario(
        "S13",
        C,
        "stuck_reader.c",
        Serve {
            count: 1,
            steps: &[Hear, Flood(500)],
        },
        &[expect(Each, Program, "never_reads")],
    ),
    scenario(
        "S14",
        C,
        "deadlock.c",
        Call {
            count: 3,
            steps: &[Say(GET), Close],
        },
        EOF_UNREAD,
    ),
    scenario(
        "S15",
        C,
        "refcount.c",
        Call {
            count: 1,
            steps: &[Say(GET), Close],
        },
        NOT_CLOSED,
    ),
    scenario(
        "S17",
        C,
        "fork_holds.c",
        Serve {
            count: 1,
            steps: &[Hear, Pause(500), Close],
        },
        &[expect(Each, Child, "inherited")],
    ),
    scenario(
        "S18",
        C,
        "writes_on.c",
        Call {
            count: 1,
            steps: &[Say(GET), Close],
        },
        &[expect(Each, Program, "dead_open")],
    ),
    Scenario {
        says: None,
        ..scenario(
            "S20",
            C,
            "backlog.c",
            Call {
                count: 3,
                steps: &[Say(GET), Close],
            },
            NEVER_ACCEPTED,
        )
    },
    scenario(
        "S21",
        Python,
        "pool.py",
        Serve {
            count: 1,
            steps: KEEP_ALIVE_ENDS,
        },
        STALE_POOLED,
    ),
    scenario(
        "S22",
        Python,
        "sync_worker.py",
        Call {
            count: 3,
            steps: &[Say(GET), Pause(300), Close],
        },
        &[
            expect(First(1), Program, "eof_unread"),
            expect(After(1), Program, "never_accepted"),
        ],
    ),
    scenario(
        "S22",
        Python,
        "keep_alive.py",
        Call {
            count: 3,
            steps: &[Say(GET), Hear, Close],
        },
        EOF_UNREAD,
    ),
    scenario("S23", Python, "tls_shutdown.py", Alone, EOF_UNREAD),
    scenario(
        "S23",
        Python,
        "cancelled.py",
        Serve {
            count: 1,
            steps: &[Pause(500), Close],
        },
        EOF_UNREAD,
    ),
    scenario(
        "S25",
        Node,
        "half_open.js",
        Call {
            count: 1,
            steps: &[Say(GET), Close],
        },
        NOT_CLOSED,
    ),
    scenario(
        "S25",
        Node,
        "connect.js",
        Call {
            count: 1,
            steps: &[
                Say("CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                Hear,
                Close,
            ],
        },
        NOT_CLOSED,
    ),
    scenario(
        "S26",
        Node,
        "agent_blocked.js",
        Serve {
            count: 1,
            steps: KEEP_ALIVE_ENDS,
        },
        // Its loop should have fetched the event.
        EOF_UNREAD,
    ),
    scenario(
        "S26",
        Ruby,
        "net_http.rb",
        Serve {
            count: 1,
            steps: KEEP_ALIVE_ENDS,
        },
        STALE_POOLED,
    ),
    scenario(
        "S29",
        Java,
        "IgnoresFin.java",
        Call {
            count: 1,
            steps: &[Say(GET), Close],
        },
        NOT_CLOSED,
    ),
    scenario(
        "S29",
        Java,
        "HealthChecks.java",
        Call {
            count: 4,
            steps: &[Close],
        },
        EOF_UNREAD,
    ),
    scenario(
        "S29",
        Java,
        "Spins.java",
        Call {
            count: 1,
            steps: &[Say(GET), Close],
        },
        &[expect(Each, Program, "eof_spin")],
    ),
    scenario(
        "S29",
        C,
        "spins.c",
        Call {
            count: 1,
            steps: &[Say(GET), Close],
        },
        &[expect(Each, Program, "eof_spin")],
    ),
    scenario(
        "S30",
        Php,
        "redis_pool.php",
        Serve {
            count: 3,
            steps: &[Hear, Say("+PONG\r\n"), Pause(500), Close],
        },
        STALE_POOLED,
    ),
    scenario(
        "S30",
        Php,
        "curl_handle.php",
        Serve {
            count: 1,
            steps: KEEP_ALIVE_ENDS,
        },
        STALE_POOLED,
    ),
    scenario(
        "S32",
        Ruby,
        "tls_timeout.rb",
        Serve {
            count: 1,
            steps: &[Hear, Pause(800), Close],
        },
        EOF_UNREAD,
    ),
    Scenario {
        own_netns: true,
        ..scenario(
            "ports",
            Python,
            "time_wait.py",
            Alone,
            &[expect(Process, Program, "time_wait_pressure")],
        )
    },
];
