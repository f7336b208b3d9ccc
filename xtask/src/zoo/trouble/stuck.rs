//! Processes that do nothing any more, or the same thing over and over.

use super::kind::{Fault, Wants};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "blocked worker",
        line: "gunicorn --log-level critical -w 1 --timeout 3600 -b 127.0.0.1:9001 --chdir /zoo/serve wsgi:app &
               port 9001; curl -s http://127.0.0.1:9001/slow?s=3000 & sleep 2; mark
               every 2 curl -s -m 1 http://127.0.0.1:9001/",
        verdict: "never_accepted",
        program: "gunicorn",
        severity: Wants::Warning,
        forecast: false,
    },
    Fault {
        name: "stopped server, resets in its queue",
        line: "redis-server --port 9002 --bind 127.0.0.1 --save '' & pid=$!
               port 9002; redis-cli -p 9002 ping; kill -STOP $pid; mark; exec python3 /zoo/use/reset.py 9002 20",
        verdict: "never_accepted",
        program: "redis-server",
        severity: Wants::Warning,
        forecast: false,
    },
    Fault {
        name: "stopped server, clients gone",
        line: "memcached -u root -l 127.0.0.1 -p 9003 & pid=$!
               port 9003; (sleep 5; kill -STOP $pid; mark) & exec python3 /zoo/use/leave.py 9003 15 10",
        verdict: "eof_unread",
        program: "memcached",
        severity: Wants::Warning,
        forecast: false,
    },
    Fault {
        name: "queue full behind a slow server",
        line: "php -S 127.0.0.1:9004 -t /zoo/serve & port 9004
               curl -s http://127.0.0.1:9004/sleep.php & sleep 2; mark
               exec python3 /zoo/use/pile.py 9004",
        verdict: "never_accepted",
        program: "php",
        severity: Wants::Critical,
        forecast: false,
    },
    Fault {
        name: "end read over and over",
        line: "perl /zoo/serve/spin.pl 9005 & port 9005; mark; echo zoo | nc -N 127.0.0.1 9005; exec sleep 3600",
        verdict: "eof_spin",
        program: "perl",
        severity: Wants::Warning,
        forecast: false,
    },
    Fault {
        name: "body not read",
        line: "gunicorn --log-level critical -w 1 -k gthread --threads 12 --timeout 3600 -b 127.0.0.1:9006 --chdir /zoo/serve wsgi:app &
               port 9006; mark
               for _ in 1 2 3; do curl -s -T /srv/www/large -X POST http://127.0.0.1:9006/slow?s=3000 & done; wait",
        verdict: "never_reads",
        program: "gunicorn",
        severity: Wants::Info,
        forecast: false,
    },
    Fault {
        name: "subscriber that reads no more",
        line: "redis-server --port 9007 --bind 127.0.0.1 --save '' --client-output-buffer-limit 'pubsub 1mb 1mb 10' &
               port 9007; redis-cli -p 9007 subscribe news >/dev/null & pid=$!
               sleep 2; kill -STOP $pid; mark; head -c 400000 /dev/zero | tr '\\0' x >/tmp/fat
               every 0.5 sh -c 'redis-cli -p 9007 -x publish news </tmp/fat'",
        verdict: "never_reads",
        program: "redis-cli",
        severity: Wants::Info,
        forecast: false,
    },
];
