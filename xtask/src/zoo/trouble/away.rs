//! Peers that are away, and ports that run out.

use super::kind::{Fault, Wants};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "peer behind a link that loses everything",
        line: "nsenter --net=/run/netns/far socat TCP-LISTEN:9201,fork,reuseaddr EXEC:cat & sleep 2
               for _ in $(seq 12); do (while :; do echo zoo; sleep 1; done) | socat - TCP:10.77.1.2:9201 >/dev/null & done
               sleep 4; mark; exec ip neighbour replace 10.77.1.2 lladdr 02:00:00:00:00:99 dev near1 nud permanent",
        verdict: "dead_peer",
        program: "socat",
        severity: Wants::Warning,
        forecast: false,
    },
    Fault {
        name: "peer behind a link that is down",
        line: "nsenter --net=/run/netns/far redis-server --port 9202 --bind 10.77.2.2 --protected-mode no --save '' &
               sleep 2; for _ in $(seq 12); do (while :; do echo PING; sleep 1; done) | nc 10.77.2.2 9202 >/dev/null & done
               sleep 4; mark; ip -n far link set far2 down; exec sleep 3600",
        verdict: "dead_peer",
        program: "nc",
        severity: Wants::Warning,
        forecast: false,
    },
    Fault {
        name: "local ports used up",
        line: "lighttpd -D -f /zoo/conf/ports.conf & port 9203; ip netns add ab
               ip link add near3 type veth peer name ab3 netns ab; ip address add 10.77.3.1/24 dev near3
               ip link set near3 up; ip -n ab address add 10.77.3.2/24 dev ab3; ip -n ab link set ab3 up
               nsenter --net=/run/netns/ab sysctl -qw net.ipv4.ip_local_port_range='20000 20999' net.ipv4.tcp_tw_reuse=0
               mark; exec nsenter --net=/run/netns/ab php /zoo/use/ports.php 10.77.3.1 9203",
        verdict: "time_wait_pressure",
        program: "php",
        severity: Wants::Critical,
        forecast: false,
    },
];
