#!/usr/bin/python3
"""Records the two hosts that the test plays: `record.py FINBACK`, as root, takes two minutes.

Two network namespaces joined by a pair of Ethernet devices stand for two hosts, one daemon watches both, and its lines
are split by namespace afterwards. What only a daemon that sees both ends can know (who is at the other end) is taken
out, so that a line says what it would say on a host of its own.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
GROUPS = Path("/sys/fs/cgroup/unified")
WEB, STORE = "10.77.0.1", "10.77.0.2"
POD = "3f6a0b54-8f0e-4c59-9a55-0d5d6c1b2a11"
CONTAINER = "5b1e" * 16

SERVER = """
import socket, sys, threading, time
kept = []
def serve(connection):
    order = connection.recv(64)
    connection.sendall(b"done")
    if order == b"both close":
        connection.shutdown(socket.SHUT_WR)
        connection.recv(64)
        connection.close()
    elif order == b"server closes":
        time.sleep(25)
        connection.close()
    else:
        kept.append(connection)  # forgotten: the leak
listener = socket.create_server((sys.argv[1], 7000), backlog=64)
while True:
    threading.Thread(target=serve, args=[listener.accept()[0]]).start()
"""

CLIENT = """
import socket, sys, time
own, server = sys.argv[1:]
def ask(order, port=0):
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind((own, port))
    one.connect((server, 7000))
    one.sendall(order)
    one.recv(64)
    return one
first = ask(b"both close", 40001)
first.recv(64)
first.close()
time.sleep(8)
ask(b"leak", 40001).close()  # the same addresses and ports again
for _ in range(11):
    ask(b"leak").close()
pool = [ask(b"server closes") for _ in range(3)]
time.sleep(3600)
"""


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class Host:
    """A namespace and the control group of its only service."""

    def __init__(self, name, group):
        self.name = name
        self.namespace = f"finback-fleet-{name}"
        self.groups = []
        folder = GROUPS
        for part in group.split("/"):
            folder /= part
            if not folder.exists():
                folder.mkdir()
                self.groups.append(folder)
        ip("netns", "add", self.namespace)
        self.netns = os.stat(f"/run/netns/{self.namespace}").st_ino
        self.process = None

    def start(self, folder, script, *arguments):
        def enter():
            (self.groups[-1] / "cgroup.procs").write_text(str(os.getpid()))

        command = ["ip", "netns", "exec", self.namespace, "/usr/bin/python3", script, *arguments]
        self.process = subprocess.Popen(command, cwd=folder, preexec_fn=enter)

    def end(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        ip("netns", "del", self.namespace)
        for folder in reversed(self.groups):
            folder.rmdir()

    def owns(self, line):
        if line["type"] == "hello":
            return True
        if line["type"] == "socket" and line["network"]["connection"]["state"] == "listen":
            return False
        if "socket" in line:
            return line["socket"]["netns"] == self.netns
        return line.get("process", {}).get("pid") == self.process.pid


def as_on_two_hosts(line, host):
    line.pop("peer_process", None)
    line.get("network", {}).get("connection", {}).pop("peer_state", None)
    line.get("finding", {}).get("evidence", {}).pop("peer", None)
    if line["type"] == "hello":
        line["hello"]["host"] = host.name
        line["hello"]["boot_id"] = f"00000000-0000-4000-8000-{host.netns:012d}"
    return line


def record(finback, folder, hosts):
    web, store = hosts
    ip("-n", web.namespace, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", store.namespace)
    for host, address in (web, WEB), (store, STORE):
        ip("-n", host.namespace, "addr", "add", f"{address}/24", "dev", "eth0")
        ip("-n", host.namespace, "link", "set", "eth0", "up")
    logs = folder / "root/var/log/containers"
    logs.mkdir(parents=True)
    (logs / f"till-6c9f7d_shop_app-{CONTAINER}.log").touch()
    (folder / "finback.toml").touch()
    for name, text in ("stock.py", SERVER), ("till.py", CLIENT):
        (folder / name).write_text(text)
    with open(folder / "lines", "ab") as lines:
        daemon = subprocess.Popen(
            [finback, "run", "--format", "json", "--select", "incident,finding,connection", "--history", "off"]
            + ["--host-root", folder / "root", "--config", folder / "finback.toml", "--socket", folder / "socket"],
            stdout=lines,
        )
        try:
            time.sleep(5)
            store.start(folder, "stock.py", STORE)
            time.sleep(1)
            web.start(folder, "till.py", WEB, STORE)
            time.sleep(20)
            now = subprocess.run(
                [finback, "ls", "--format", "json", "--socket", folder / "socket"], check=True, stdout=subprocess.PIPE
            )
            time.sleep(110)
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait()
        lines.write(now.stdout)
    return [json.loads(line) for line in (folder / "lines").read_text(encoding="utf-8").splitlines()]


def main():
    finback = Path(sys.argv[1]).resolve()
    folder = Path(tempfile.mkdtemp())
    hosts = []
    try:
        kube = f"kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{POD.replace('-', '_')}.slice"
        hosts.append(Host("web-1", f"{kube}/cri-containerd-{CONTAINER}.scope"))
        hosts.append(Host("store-1", "system.slice/stock.service"))
        lines = record(finback, folder, hosts)
        for host in hosts:
            own = [as_on_two_hosts(json.loads(json.dumps(line)), host) for line in lines if host.owns(line)]
            text = "".join(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n" for line in own)
            (HERE / "recordings" / f"{host.name}.ndjson").write_text(text, encoding="utf-8")
            print(host.name, len(own))
    finally:
        for host in hosts:
            host.end()
        shutil.rmtree(folder)


main()
