//! Databases and brokers.

use super::kind::Service;

pub(super) const SERVICES: &[Service] = &[
    Service {
        name: "redis",
        line: "exec redis-server --port 6379 --bind 127.0.0.1 --timeout 20 --save ''",
        ports: &[6379],
    },
    Service {
        name: "memcached",
        line: "exec memcached -u root -l 127.0.0.1 -o idle_timeout=20",
        ports: &[11211],
    },
    Service {
        name: "postgresql",
        line: "as postgres /usr/lib/postgresql/15/bin/postgres -D /var/lib/zoo/postgres -c idle_session_timeout=25s \
               -c fsync=off",
        ports: &[5432],
    },
    Service {
        name: "pgbouncer",
        line: "as postgres pgbouncer -q /zoo/conf/pgbouncer.ini",
        ports: &[6432],
    },
    Service {
        name: "mariadb",
        line: "exec mariadbd --user=root --datadir=/var/lib/zoo-maria --bind-address=127.0.0.1 --wait-timeout=25 \
               --init-file=/zoo/conf/mariadb.sql --skip-name-resolve",
        ports: &[3306],
    },
    Service {
        name: "mosquitto",
        line: "exec mosquitto -c /zoo/conf/mosquitto.conf",
        ports: &[1883],
    },
    Service {
        name: "nats",
        line: "exec nats-server -a 127.0.0.1 -p 4222",
        ports: &[4222],
    },
    Service {
        name: "etcd",
        line: "exec etcd --data-dir /tmp/etcd --log-level error",
        ports: &[2379, 2380],
    },
    Service {
        name: "beanstalkd",
        line: "exec beanstalkd -l 127.0.0.1 -p 11300",
        ports: &[11300],
    },
    Service {
        name: "ngircd",
        line: "exec ngircd -n -f /zoo/conf/ngircd.conf",
        ports: &[6667],
    },
];
