//! Who uses the services: what people and programs do all day, goodbyes that are none included.

use super::kind::Client;

const fn client(name: &'static str, line: &'static str) -> Client {
    Client { name, line }
}

pub(in crate::zoo) const CLIENTS: &[Client] = &[
    // Servers' own chores
    client(
        "nginx reload",
        "every 50 nginx -c /zoo/conf/nginx.conf -s reload",
    ),
    client(
        "apache reload",
        "every 70 apache2 -f /zoo/conf/apache.conf -k graceful",
    ),
    // Web: kept connections, aborted ones, slow ones
    client(
        "http pools",
        "exec python3 /zoo/use/pools.py 8001 8002 8010 8012 8020 8030 8040 8201 8202 8203 8204 8301 8401 8402 8601 8701 \
         8801 8901 7001",
    ),
    client(
        "node agent",
        "exec node /zoo/use/agent.js 8001 8201 8301 8012 8040 8601 8801",
    ),
    client(
        "java client",
        "exec java -Xmx128m /zoo/use/Fetch.java 8001 8012 8020 8301 8601 8801",
    ),
    client(
        "lwp",
        "exec perl /zoo/use/lwp.pl 8001 8020 8030 8701 8402 8901",
    ),
    client(
        "net-http",
        "exec ruby /zoo/use/fetch.rb 8001 8401 8402 8030",
    ),
    client("php streams", "exec php /zoo/use/fetch.php 8001 8501 8204"),
    client("go client", "exec /built/web fetch"),
    client("php pages", "every 1 curl -s http://127.0.0.1:8501/"),
    client(
        "curl slow",
        "every 2 curl -s --limit-rate 300k -m 40 http://127.0.0.1:8002/large",
    ),
    client(
        "curl slower",
        "every 2 curl -s --limit-rate 60k -m 90 http://127.0.0.1:8040/large",
    ),
    client(
        "curl impatient",
        "every 3 curl -s -m 1 http://127.0.0.1:8201/slow?s=4",
    ),
    client(
        "curl aborted",
        "every 5 curl -s -m 3 http://127.0.0.1:8002/python/slow?s=8",
    ),
    client("curl polls", "every 1 curl -s http://127.0.0.1:8301/poll"),
    client(
        "curl polls through nginx",
        "every 1 curl -s http://127.0.0.1:8002/aio/poll",
    ),
    client(
        "curl polls through haproxy",
        "every 1 curl -s -m 20 http://127.0.0.1:8012/poll",
    ),
    client(
        "curl polls through apache",
        "every 1 curl -s http://127.0.0.1:8020/node/poll",
    ),
    client(
        "event stream",
        "every 1 curl -s -N -m 200 http://127.0.0.1:8301/events",
    ),
    client(
        "event stream through nginx",
        "every 1 curl -s -N -m 50 http://127.0.0.1:8002/aio/events",
    ),
    client(
        "event stream through caddy",
        "every 1 curl -s -N -m 80 http://127.0.0.1:8040/node/events",
    ),
    client(
        "event stream through lighttpd",
        "every 1 curl -s -N -m 60 http://127.0.0.1:8030/node/events",
    ),
    client(
        "event stream of uvicorn",
        "every 1 curl -s -N -m 100 http://127.0.0.1:8202/events",
    ),
    client(
        "websockets",
        "exec python3 /zoo/use/ws.py ws://127.0.0.1:8203/ws ws://127.0.0.1:8202/ ws://127.0.0.1:8002/aio/ws \
         ws://127.0.0.1:8202/long",
    ),
    client(
        "uploads",
        "every 4 curl -s -T /srv/www/large -X POST http://127.0.0.1:8203/",
    ),
    client(
        "slow uploads",
        "every 4 curl -s --limit-rate 200k -m 60 -T /srv/www/large -X POST http://127.0.0.1:8002/aio/",
    ),
    client(
        "wget",
        "every 5 wget -q -O /dev/null http://127.0.0.1:8030/large http://127.0.0.1:8001/index.html",
    ),
    client(
        "ab",
        "every 20 ab -q -k -c 8 -n 400 http://127.0.0.1:8020/index.html",
    ),
    client(
        "ab without keep-alive",
        "every 15 ab -q -c 4 -n 200 http://127.0.0.1:8010/index.html",
    ),
    client(
        "wrk",
        "every 25 wrk -c 10 -t 1 -d 1s http://127.0.0.1:8012/",
    ),
    client(
        "wrk on large files",
        "every 30 wrk -c 4 -t 1 -d 1s http://127.0.0.1:8002/large",
    ),
    client(
        "h2load",
        "every 12 h2load -n 100 -c 4 http://127.0.0.1:8902/index.html",
    ),
    client(
        "through squid",
        "every 3 curl -s -x 127.0.0.1:3128 http://127.0.0.1:8001/ http://127.0.0.1:8301/",
    ),
    client(
        "tunnel of squid",
        "every 5 curl -s -p -k -x 127.0.0.1:3128 https://127.0.0.1:8443/index.html",
    ),
    client(
        "through tinyproxy",
        "every 3 curl -s -x 127.0.0.1:8888 http://127.0.0.1:8020/",
    ),
    client(
        "stream through tinyproxy",
        "every 3 curl -s -N -m 45 -x 127.0.0.1:8888 http://127.0.0.1:8301/events",
    ),
    client(
        "through privoxy",
        "every 3 curl -s -x 127.0.0.1:8118 http://127.0.0.1:8001/ http://127.0.0.1:8030/",
    ),
    client(
        "https",
        "every 4 curl -sk https://127.0.0.1:8443/index.html https://127.0.0.1:8443/",
    ),
    client(
        "s_client",
        "while :; do sleep 45 | openssl s_client -connect 127.0.0.1:8443 >/dev/null 2>&1; done",
    ),
    client(
        "icecast source",
        "every 5 curl -s -u source:zoo -H 'Content-Type: audio/mpeg' --limit-rate 16k -m 300 \
                              -T /srv/www/large http://127.0.0.1:8005/radio",
    ),
    client(
        "icecast listener",
        "every 5 curl -s -m 75 http://127.0.0.1:8005/radio",
    ),
    client(
        "prometheus api",
        "every 10 curl -s http://127.0.0.1:9090/api/v1/targets",
    ),
    // Databases
    client("redis pool", "exec python3 /zoo/use/redis_pool.py"),
    client("redis subscriber", "exec python3 /zoo/use/redis_sub.py"),
    client("redis-cli", "every 2 redis-cli incr turn"),
    client(
        "redis-cli subscribe",
        "while :; do timeout 55 redis-cli subscribe news >/dev/null; done",
    ),
    client("redis through haproxy", "every 3 redis-cli -p 8011 ping"),
    client(
        "redis through nginx",
        "exec python3 /zoo/use/lines.py 8004 7 PING",
    ),
    client(
        "redis through stunnel",
        "every 6 redis-cli -p 6390 --tls --insecure ping",
    ),
    client(
        "memcached lines",
        "exec python3 /zoo/use/lines.py 11211 4 'get one' 'set one 0 60 3' zoo",
    ),
    client(
        "memcached idle",
        "exec python3 /zoo/use/lines.py 11211 31 'get one'",
    ),
    client(
        "pgbench",
        "as postgres sh -c '/usr/lib/postgresql/15/bin/pgbench -qi -h 127.0.0.1 postgres; while :; do \
                       /usr/lib/postgresql/15/bin/pgbench -h 127.0.0.1 -c 3 -R 20 -T 15 postgres; \
                       /usr/lib/postgresql/15/bin/pgbench -h 127.0.0.1 -C -S -R 10 -T 5 postgres; done' >/dev/null 2>&1",
    ),
    client("psycopg2 pool", "exec python3 /zoo/use/pg_pool.py 5432"),
    client(
        "psycopg2 pool of pgbouncer",
        "exec python3 /zoo/use/pg_pool.py 6432",
    ),
    client(
        "psql long query",
        "every 5 psql -h 127.0.0.1 -U postgres -c 'SELECT pg_sleep(50)'",
    ),
    client(
        "psql cancelled",
        "every 5 timeout -s INT 3 psql -h 127.0.0.1 -U postgres -c 'SELECT pg_sleep(20)'",
    ),
    client("pymysql pool", "exec python3 /zoo/use/my_pool.py"),
    client("perl dbi", "exec perl /zoo/use/dbi.pl"),
    client(
        "mariadb client",
        "every 4 mariadb -h 127.0.0.1 -u zoo -pzoo -e 'SHOW STATUS'",
    ),
    client(
        "mosquitto_sub",
        "while :; do timeout 90 mosquitto_sub -t news -k 10 >/dev/null; done",
    ),
    client("mosquitto_pub", "every 2 mosquitto_pub -t news -m zoo"),
    client(
        "nats subscriber",
        "exec python3 /zoo/use/lines.py 4222 5 'CONNECT {\"verbose\":false}' 'SUB news 1' PING",
    ),
    client(
        "nats publisher",
        "exec python3 /zoo/use/lines.py 4222 3 'PUB news 3' zoo",
    ),
    client(
        "etcd watch",
        "while :; do timeout 80 etcdctl watch one >/dev/null; done",
    ),
    client("etcd put", "every 3 etcdctl put one two"),
    client(
        "beanstalkd worker",
        "exec python3 /zoo/use/lines.py 11300 2 'reserve-with-timeout 5'",
    ),
    client(
        "beanstalkd producer",
        "exec python3 /zoo/use/lines.py 11300 6 'put 1 0 9 3' zoo",
    ),
    client(
        "irc",
        "exec python3 /zoo/use/lines.py 6667 9 'NICK keeper' 'USER k 0 * :k' 'JOIN #zoo' 'PRIVMSG #zoo :hi'",
    ),
    // Shells and forwards
    client(
        "ssh forwards",
        "exec ssh -N -L 8101:127.0.0.1:8001 -L 8105:127.0.0.1:7000 -R 8102:127.0.0.1:8301 -D 8103 127.0.0.1",
    ),
    client(
        "through ssh -L",
        "port 8101; every 2 curl -s http://127.0.0.1:8101/ -m 20",
    ),
    client(
        "through ssh -R",
        "port 8102; every 3 curl -s -N -m 20 http://127.0.0.1:8102/events",
    ),
    client(
        "through ssh -D",
        "port 8103; every 3 curl -s -x socks5h://127.0.0.1:8103 http://127.0.0.1:8020/",
    ),
    client(
        "nc through ssh -L",
        "port 8105; while :; do (echo zoo; sleep 2) | nc -N 127.0.0.1 8105 >/dev/null; sleep 2; done",
    ),
    client("ssh command", "every 5 ssh 127.0.0.1 'sleep 1; seq 20000'"),
    client(
        "ssh session",
        "while :; do sleep 100 | ssh 127.0.0.1 cat; done",
    ),
    client(
        "sftp",
        "while :; do echo 'get /srv/www/large /tmp/sftp' | sftp -q -b - 127.0.0.1 >/dev/null; sleep 7; done",
    ),
    client(
        "rsync over ssh",
        "every 9 rsync -a --delete 127.0.0.1:/srv/www/ /tmp/mirror/",
    ),
    client(
        "rsync",
        "every 5 rsync -a --bwlimit=5m /srv/www/large rsync://127.0.0.1:8730/up/",
    ),
    client("rsync list", "every 4 rsync rsync://127.0.0.1:8730/www/"),
    client(
        "lftp",
        "every 6 lftp -c 'open -u anonymous,a 127.0.0.1:2121; get -O /tmp large; rm -f x; ls'",
    ),
    client(
        "curl ftp",
        "every 5 curl -s -m 30 ftp://127.0.0.1:2121/large -o /dev/null --limit-rate 2M",
    ),
    client("ftp idle", "exec python3 /zoo/use/lines.py 2121 31 NOOP"),
    client("git clone and push", "every 6 sh /zoo/use/push.sh"),
    client("git ls-remote", "every 3 git ls-remote git://127.0.0.1/one"),
    // Relays of plain bytes
    client(
        "nc -N",
        "while :; do (echo zoo; sleep 3) | nc -N 127.0.0.1 7000 >/dev/null; sleep 1; done",
    ),
    client(
        "nc -N through nginx",
        "while :; do (echo zoo; sleep 8) | nc -N 127.0.0.1 8003 >/dev/null; sleep 1; done",
    ),
    client(
        "nc -N through haproxy",
        "while :; do (echo zoo; sleep 8) | nc -N 127.0.0.1 8013 >/dev/null; sleep 1; done",
    ),
    client(
        "socat half-closing",
        "while :; do echo zoo | socat -t 5 - TCP:127.0.0.1:7000 >/dev/null; sleep 2; done",
    ),
    client(
        "nc idle",
        "while :; do sleep 120 | nc -N 127.0.0.1 8003 >/dev/null; done",
    ),
    client("iperf3 client", "every 20 iperf3 -c 127.0.0.1 -t 2 -b 50M"),
    // Names and mail
    client("dig", "every 2 dig +tcp @127.0.0.1 -p 5353 www.zoo"),
    client(
        "dig kept open",
        "every 4 dig +tcp +keepopen @127.0.0.1 -p 5353 www.zoo www.zoo",
    ),
    client("dig dnsmasq", "every 3 dig +tcp @127.0.0.1 -p 5300 www.zoo"),
    client("imap", "exec python3 /zoo/use/imap.py"),
    client(
        "curl imap",
        "every 5 curl -s imap://127.0.0.1:1143/INBOX -u zoo:zoo",
    ),
    client(
        "swaks",
        "every 6 swaks --server 127.0.0.1:2525 --from a@zoo --to b@zoo",
    ),
    client(
        "curl smtp",
        "every 5 curl -s smtp://127.0.0.1:2525 --mail-from a@zoo --mail-rcpt b@zoo -T /srv/www/index.html",
    ),
];
