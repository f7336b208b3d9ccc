//! Connections that nobody will use again, and that stay.

use super::kind::{Fault, Wants};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "pool after a restart of redis",
        line: "redis-server --port 9101 --bind 127.0.0.1 --save '' & pid=$!
               port 9101; python3 /zoo/use/idle_redis.py 9101 25 &
               until [ -e /run/pool-9101 ]; do sleep 0.3; done; sleep 3
               kill $pid; wait $pid; mark; exec redis-server --port 9101 --bind 127.0.0.1 --save ''",
        verdict: "stale_pooled",
        program: "python3",
        severity: Wants::Info,
        forecast: false,
    },
    Fault {
        name: "pool after a restart of postgresql",
        line: "mkdir /var/lib/zoo/second; chown postgres /var/lib/zoo/second; chmod 700 /var/lib/zoo/second
               run() { setpriv --reuid postgres --regid nogroup --clear-groups /usr/lib/postgresql/15/bin/\"$@\"; }
               run initdb -D /var/lib/zoo/second -A trust -N >/dev/null
               run pg_ctl -D /var/lib/zoo/second -w -o '-p 9102 -k /tmp' start
               python3 /zoo/use/idle_pg.py 9102 25 &
               until [ -e /run/pool-9102 ]; do sleep 0.3; done; sleep 3
               mark; run pg_ctl -D /var/lib/zoo/second -w -m fast -o '-p 9102 -k /tmp' restart; exec sleep 3600",
        verdict: "stale_pooled",
        program: "python3",
        severity: Wants::Info,
        forecast: false,
    },
    Fault {
        name: "session for each request, never closed",
        line: "ulimit -n 2048; lighttpd -D -f /zoo/conf/leak.conf & port 9103; mark
               exec python3 /zoo/use/leak.py 9103",
        verdict: "stale_pooled",
        program: "python3",
        severity: Wants::Warning,
        forecast: true,
    },
    Fault {
        name: "server that forgets to close",
        line: "ulimit -n 2048; ruby /zoo/serve/forget.rb 9104 & port 9104; mark
               every 2 sh -c 'echo zoo | nc -w 1 127.0.0.1 9104'",
        verdict: "not_closed",
        program: "ruby",
        severity: Wants::Warning,
        forecast: true,
    },
    Fault {
        name: "descriptors used up",
        line: "ulimit -n 64; node /zoo/serve/forget.js 9105 & port 9105; mark
               every 1 sh -c 'echo zoo | nc -w 1 127.0.0.1 9105'",
        verdict: "eof_unread",
        program: "node",
        severity: Wants::Critical,
        forecast: false,
    },
    Fault {
        name: "left to a child",
        line: "socat TCP-LISTEN:9106,bind=127.0.0.1,fork,reuseaddr EXEC:'sleep 4' & port 9106; mark
               for _ in 1 2 3; do perl /zoo/use/heir.pl 9106 & done; exec sleep 3600",
        verdict: "inherited",
        program: "sleep",
        severity: Wants::Warning,
        forecast: false,
    },
    Fault {
        name: "lines lost after the server's end",
        line: "socat -u TCP-LISTEN:9107,bind=127.0.0.1,fork,reuseaddr,readbytes=12 - >/dev/null & port 9107; mark
               exec php /zoo/use/ship.php 9107",
        verdict: "dead_open",
        program: "php",
        severity: Wants::Warning,
        forecast: false,
    },
    Fault {
        name: "half-closed and forgotten",
        line: "ruby /zoo/serve/forget.rb 9108 & port 9108; mark
               for _ in 1 2 3; do echo zoo | nc -N 127.0.0.1 9108 & done; exec sleep 3600",
        verdict: "peer_not_closing",
        program: "nc",
        severity: Wants::Info,
        forecast: false,
    },
];
