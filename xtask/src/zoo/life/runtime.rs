//! What people write servers with.

use super::kind::Service;

pub(super) const SERVICES: &[Service] = &[
    Service {
        name: "gunicorn",
        line: "exec gunicorn --log-level critical -w 2 -k gthread --threads 4 --keep-alive 7 -b 127.0.0.1:8201 --chdir /zoo/serve wsgi:app",
        ports: &[8201],
    },
    Service {
        name: "uvicorn",
        line: "exec uvicorn --log-level error --port 8202 --app-dir /zoo/serve asgi:app",
        ports: &[8202],
    },
    Service {
        name: "aiohttp",
        line: "exec python3 /zoo/serve/aio.py",
        ports: &[8203],
    },
    Service {
        name: "python http.server",
        line: "exec python3 -m http.server -b 127.0.0.1 -d /srv/www 8204",
        ports: &[8204],
    },
    Service {
        name: "node",
        line: "exec node /zoo/serve/web.js",
        ports: &[8301],
    },
    Service {
        name: "webrick",
        line: "exec ruby /zoo/serve/web.rb",
        ports: &[8401],
    },
    Service {
        name: "puma",
        line: "exec puma -q -b tcp://127.0.0.1:8402 -t 1:5 /zoo/serve/config.ru",
        ports: &[8402],
    },
    Service {
        name: "php",
        line: "PHP_CLI_SERVER_WORKERS=3 exec php -S 127.0.0.1:8501 -t /zoo/serve",
        ports: &[8501],
    },
    Service {
        name: "java",
        line: "exec java -Xmx128m /zoo/serve/Web.java",
        ports: &[8601],
    },
    Service {
        name: "perl",
        line: "exec perl /zoo/serve/web.pl",
        ports: &[8701],
    },
    Service {
        name: "go",
        line: "exec /built/web serve",
        ports: &[8801],
    },
];
