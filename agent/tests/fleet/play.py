"""Plays recordings into ClickHouse (chdb: in this process) and prints what the views of docs/fleet say, as JSON.

`play.py HOST=RECORDING…`; `--rows NUMBER` adds generated rows and tells on standard error how long each view takes.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import chdb
from chdb.session import Session

HERE = Path(__file__).resolve().parent
SQL = HERE.parents[2] / "docs" / "fleet"
VIEWS = ["worst_services", "leak_by_peer", "both_ends"]


def statements(path):
    text = "".join(line for line in path.open(encoding="utf-8") if not line.lstrip().startswith("--"))
    return [statement.strip() for statement in text.split(";") if statement.strip()]


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--copies", type=int, default=2000)
    parser.add_argument("--collector", choices=INSERT, default="vector")
    parser.add_argument("--restart", action="append", default=[], metavar="HOST")
    parser.add_argument("hosts", nargs="+")
    return parser.parse_args()


def insert(store, folder, table, rows):
    lines = folder / "rows.ndjson"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    store.query(f"INSERT INTO {table} FROM INFILE '{lines}' FORMAT JSONEachRow")


def insert_as_vector(store, folder, host, lines):
    """And as Fluent Bit: every line as it is, with the name of its host."""
    insert(store, folder, "finback.lines", [{"host": host, **json.loads(line)} for line in lines])


def insert_as_otel(store, folder, host, lines):
    """As the exporter of the OpenTelemetry Collector: every line is the body of a log record."""
    if not store.query("EXISTS otel.otel_logs", "TSVRaw").data().strip() == "1":
        store.query("CREATE DATABASE otel")
        store.query(OTEL_LOGS)
        for statement in statements(SQL / "otel_logs.sql"):
            store.query(statement)
    resource = {"host.name": host}
    rows = [{"ServiceName": "finback", "ResourceAttributes": resource, "Body": line.rstrip()} for line in lines]
    insert(store, folder, "otel.otel_logs", rows)


INSERT = {"vector": insert_as_vector, "otel": insert_as_otel}

# What is needed here of the table that the collector's exporter makes.
OTEL_LOGS = """
CREATE TABLE otel.otel_logs
(
    ServiceName LowCardinality(String),
    Body String,
    ResourceAttributes Map(LowCardinality(String), String)
)
ENGINE = MergeTree
ORDER BY ServiceName
"""


def hello_of_a_later_daemon(lines):
    hello = json.loads(lines[0])
    year, rest = hello["time"].split("-", 1)
    return json.dumps({**hello, "time": f"{int(year) + 1}-{rest}"})


def generate(store, rows, copies):
    started = time.monotonic()
    for statement in statements(HERE / "generate.sql"):
        store.query(statement.replace("{rows}", str(rows)).replace("{copies}", str(copies)))
    print(f"generated in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def measure(store, query):
    started = time.monotonic()
    store.query(query, "Null")
    return time.monotonic() - started


def tell_times(store):
    version = store.query("SELECT version()", "TSVRaw").data().strip()
    tables = store.query(
        "SELECT table, sum(rows), formatReadableSize(sum(bytes_on_disk)) FROM system.parts "
        "WHERE database = 'finback' AND active GROUP BY table ORDER BY table", "TSVRaw"
    ).data()
    print(f"chdb {chdb.__version__}, ClickHouse {version}\n{tables}", file=sys.stderr)
    for view in VIEWS:
        for what, query in {
            "all": f"SELECT * FROM finback.{view}",
            "first 20": f"SELECT * FROM finback.{view} LIMIT 20",
            "last hour": f"SELECT * FROM finback.{view} WHERE told > (SELECT max(time) FROM finback.lines) - 3600",
        }.items():
            times = sorted(measure(store, query) for _ in range(3))
            print(f"{view}\t{what}\t{times[1]:.2f} s", file=sys.stderr, flush=True)


def main():
    given = arguments()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        store = Session(str(folder / "store"))
        for statement in statements(SQL / "schema.sql") + statements(SQL / "views.sql"):
            store.query(statement)
        # A recording stays one, however old it is.
        store.query("SYSTEM STOP TTL MERGES")
        for host in given.hosts:
            name, recording = host.split("=", 1)
            lines = Path(recording).read_text(encoding="utf-8").splitlines()
            if name in given.restart:
                lines.append(hello_of_a_later_daemon(lines))
            INSERT[given.collector](store, folder, name, lines)
        if given.rows:
            generate(store, given.rows, given.copies)
            tell_times(store)
        answer = {view: store.query(f"SELECT * FROM finback.{view}", "JSONEachRow").data() for view in VIEWS}
        print(json.dumps({view: [json.loads(row) for row in rows.splitlines()] for view, rows in answer.items()}))
        store.close()


main()
