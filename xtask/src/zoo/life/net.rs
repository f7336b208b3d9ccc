//! Shells, files, mail, names, and plain relays.

use super::kind::Service;

pub(super) const SERVICES: &[Service] = &[
    Service {
        name: "sshd",
        line: "exec /usr/sbin/sshd -D -f /zoo/conf/sshd_config",
        ports: &[2222],
    },
    Service {
        name: "rsyncd",
        line: "exec rsync --daemon --no-detach --address=127.0.0.1 --port=8730 --config=/zoo/conf/rsyncd.conf",
        ports: &[8730],
    },
    Service {
        name: "vsftpd",
        line: "exec vsftpd /zoo/conf/vsftpd.conf",
        ports: &[2121],
    },
    Service {
        name: "git",
        line: "exec git daemon --listen=127.0.0.1 --base-path=/srv/git --export-all --enable=receive-pack",
        ports: &[9418],
    },
    Service {
        name: "socat echo",
        line: "exec socat TCP-LISTEN:7000,bind=127.0.0.1,fork,reuseaddr,backlog=64 EXEC:cat",
        ports: &[7000],
    },
    Service {
        name: "socat relay",
        line: "exec socat TCP-LISTEN:7001,bind=127.0.0.1,fork,reuseaddr,backlog=64 TCP:127.0.0.1:8001",
        ports: &[7001],
    },
    Service {
        name: "unbound",
        line: "exec unbound -d -c /zoo/conf/unbound.conf",
        ports: &[5353],
    },
    Service {
        name: "dnsmasq",
        line: "exec dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --port=5300 --no-resolv \
               --listen-address=127.0.0.1 --bind-interfaces --address=/zoo/127.0.0.1 --pid-file",
        ports: &[5300],
    },
    Service {
        name: "dovecot",
        line: "exec dovecot -F -c /zoo/conf/dovecot.conf",
        ports: &[1143],
    },
    Service {
        name: "exim",
        line:
            "mkdir -p /tmp/exim; chown Debian-exim /tmp/exim; cp /zoo/conf/exim.conf /etc/exim.conf
               exec exim4 -C /etc/exim.conf -bdf",
        ports: &[2525],
    },
    Service {
        name: "iperf3",
        line: "exec iperf3 -s -p 5201",
        ports: &[5201],
    },
];
