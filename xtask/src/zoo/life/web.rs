//! Web servers and proxies.

use super::kind::Service;

pub(super) const SERVICES: &[Service] = &[
    Service {
        name: "nginx",
        line: "exec nginx -c /zoo/conf/nginx.conf",
        ports: &[8001, 8002, 8003, 8004],
    },
    Service {
        name: "haproxy",
        line: "exec haproxy -db -f /zoo/conf/haproxy.cfg",
        ports: &[8010, 8011, 8012, 8013],
    },
    Service {
        name: "apache",
        line: "exec apache2 -DFOREGROUND -f /zoo/conf/apache.conf",
        ports: &[8020],
    },
    Service {
        name: "lighttpd",
        line: "exec lighttpd -D -f /zoo/conf/lighttpd.conf",
        ports: &[8030],
    },
    Service {
        name: "caddy",
        line: "exec caddy run --config /zoo/conf/Caddyfile --adapter caddyfile",
        ports: &[8040],
    },
    Service {
        name: "squid",
        line: "exec squid -N -f /zoo/conf/squid.conf",
        ports: &[3128],
    },
    Service {
        name: "tinyproxy",
        line: "exec tinyproxy -d -c /zoo/conf/tinyproxy.conf",
        ports: &[8888],
    },
    Service {
        name: "privoxy",
        line: "exec privoxy --no-daemon /zoo/conf/privoxy.conf",
        ports: &[8118],
    },
    Service {
        name: "stunnel",
        line: "exec stunnel4 /zoo/conf/stunnel.conf",
        ports: &[8443, 6390],
    },
    Service {
        name: "busybox httpd",
        line: "exec busybox httpd -f -p 127.0.0.1:8901 -h /srv/www",
        ports: &[8901],
    },
    Service {
        name: "nghttpd",
        line: "exec nghttpd --no-tls -a 127.0.0.1 -d /srv/www 8902",
        ports: &[8902],
    },
    Service {
        name: "icecast",
        line: "exec icecast2 -c /zoo/conf/icecast.xml",
        ports: &[8005],
    },
    Service {
        name: "prometheus",
        line: "exec prometheus --config.file=/zoo/conf/prometheus.yml --storage.tsdb.path=/tmp/prometheus \
               --web.listen-address=127.0.0.1:9090",
        ports: &[9090],
    },
    Service {
        name: "node exporter",
        line: "exec prometheus-node-exporter --web.listen-address=127.0.0.1:9100",
        ports: &[9100],
    },
];
