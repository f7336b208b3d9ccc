//! The tree that the zoo lives in: Debian packages with all that they need, unpacked below the target directory and
//! kept; nothing is installed.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::apt::{self, Package};
use crate::{process, vm, workspace};

/// What every line may use.
const TOOLS: &[&str] = &[
    "bash",
    "coreutils",
    "dash",
    "debianutils",
    "diffutils",
    "findutils",
    "gawk",
    "grep",
    "gzip",
    "hostname",
    "iproute2",
    "libc-bin",
    "login",
    "mawk",
    "openssl",
    "procps",
    "sed",
    "tar",
    "util-linux",
];
/// Services.
const SERVICES: &[&str] = &[
    "apache2",
    "beanstalkd",
    "busybox-static",
    "caddy",
    "dnsmasq-base",
    "dovecot-imapd",
    "etcd-server",
    "exim4-daemon-light",
    "git",
    "gunicorn",
    "haproxy",
    "icecast2",
    "iperf3",
    "libhttp-daemon-perl",
    "libnginx-mod-stream",
    "lighttpd",
    "mariadb-server",
    "memcached",
    "mosquitto",
    "nats-server",
    "nghttp2-server",
    "nginx",
    "ngircd",
    "nodejs",
    "openjdk-17-jdk-headless",
    "openssh-server",
    "perl",
    "pgbouncer",
    "php-cli",
    "postgresql-15",
    "privoxy",
    "prometheus",
    "prometheus-node-exporter",
    "puma",
    "python3-aiohttp",
    "redis-server",
    "rsync",
    "ruby",
    "ruby-webrick",
    "socat",
    "squid",
    "stunnel4",
    "tinyproxy",
    "unbound",
    "uvicorn",
    "vsftpd",
];
/// Clients.
const CLIENTS: &[&str] = &[
    "apache2-utils",
    "ca-certificates",
    "curl",
    "dnsutils",
    "etcd-client",
    "lftp",
    "libdbd-mysql-perl",
    "libwww-perl",
    "mariadb-client",
    "mosquitto-clients",
    "netcat-openbsd",
    "nghttp2-client",
    "openssh-client",
    "php-mysql",
    "python3-psycopg2",
    "python3-pymysql",
    "python3-redis",
    "python3-requests",
    "python3-urllib3",
    "python3-websockets",
    "redis-tools",
    "swaks",
    "wget",
    "wrk",
];

/// What the cage is made from.
#[derive(Debug)]
pub(super) struct Root {
    /// The unpacked packages; only read.
    pub(super) tree: PathBuf,
    /// What is compiled here.
    pub(super) built: PathBuf,
}

impl Root {
    /// Fetches what is missing, and compiles the Go program.
    ///
    /// # Errors
    /// It is neither there nor to be fetched, or does not compile.
    pub(super) fn open() -> Result<Self> {
        let packages: Vec<&str> = [TOOLS, SERVICES, CLIENTS].concat();
        let tree = vm::unpacked_with_dependencies("zoo", &packages)?;
        let built = workspace::target_dir().join("zoo/built");
        fs::create_dir_all(&built)?;
        if process::find("go").is_none() {
            apt::ensure(&[Package::new("golang-go", "compiles the zoo's Go program")])?;
        }
        let mut go = Command::new("go");
        // Static: the cage's C library is another one.
        go.args(["build", "-o"])
            .arg(built.join("web"))
            .arg(workspace::root().join("xtask/zoo/serve/web.go"))
            .env("CGO_ENABLED", "0");
        process::run(&mut go)?;
        Ok(Self { tree, built })
    }
}
