#!/bin/sh
# The life of the package in a Debian whose init is systemd: life.sh OLD.deb NEW.deb
# Says of each thing whether it holds, as a test binary does. OLD and NEW hold different builds.
old=$1 new=$2
unit=finback.service
passed=0 failed=0
export DEBIAN_FRONTEND=noninteractive
# Seconds. No check takes that long, even emulated on a busy machine, unless it hangs; nor do all of them.
limit=300 all=1800

now() { cut -d. -f1 /proc/uptime; }
# fell PID: ends a process and what it has started
fell() {
    for child in $(pgrep -P "$1"); do fell "$child"; done
    kill -KILL "$1" 2>/dev/null
}

# check NAME COMMAND...
check() {
    name=$1 begin=$(now)
    shift
    echo "trying $name"
    if [ $((begin - start)) -ge $all ]; then
        echo "it was not begun: $all s are over" >/tmp/said
        code=1
    else
        "$@" >/tmp/said 2>&1 &
        trial=$!
        { sleep $limit && fell $trial; } >/dev/null 2>&1 &
        timer=$!
        wait $trial 2>/dev/null
        code=$?
        fell $timer
        wait $timer 2>/dev/null
        [ $code -ne 137 ] || echo "it was ended after $limit s" >>/tmp/said
    fi
    if [ $code -eq 0 ]; then
        echo "test $name ... ok"
        passed=$((passed + 1))
    else
        echo "test $name ... FAILED"
        # As much as somebody reads.
        tail -n 40 /tmp/said | cut -c 1-400 | sed 's/^/    /'
        failed=$((failed + 1))
    fi
    echo "it took $(($(now) - begin)) s"
}

# eventually SECONDS COMMAND...
eventually() {
    end=$(($(date +%s) + $1))
    shift
    until "$@"; do
        [ "$(date +%s)" -lt "$end" ] || return 1
        sleep 1
    done
}

show() { systemctl show --property "$1" --value $unit; }
is() { [ "$2" = "$3" ] || { echo "$1: \`$2', not \`$3'" && return 1; }; }
active() { systemctl --quiet is-active $unit || { systemctl status $unit; journalctl -u $unit -n 20; return 1; }; }
inactive() { ! systemctl --quiet is-active $unit; }
# Its connections are counted by an incident.
counted() { finback incidents | grep -q shop.service; }
# Each finding of the shop: its socket, its id, since when it is open (each daemon measures anew, to some nanoseconds, how far
# wall time is from the kernel's).
findings() {
    finback findings --format json | grep shop.service |
        sed 's/.*"socket":{"id":"\([^"]*\)".*"finding":{"id":\([0-9]*\),.*"opened":"\([^".]*[.][0-9]\{3\}\).*/\1 \2 \3/' | sort
}
# All that went on since `leak_is_found` goes on under the same ids, and the kernel's side has no gap.
same_findings() {
    findings >/tmp/findings.now
    cmp -s /tmp/findings.first /tmp/findings.now
}
goes_on() {
    eventually 60 same_findings || { diff /tmp/findings.first /tmp/findings.now; return 1; }
    finback status --pins --format json >/tmp/pins.json
    grep -q '"resumed":true' /tmp/pins.json && grep -q '"uninterrupted":true' /tmp/pins.json ||
        { finback status --pins; return 1; }
}
# Kernel programs that are not systemd's.
programs() { grep -o 'bpf_prog_[0-9a-f]*_[A-Za-z0-9_]*' /proc/kallsyms | grep -v '_sd_' | sort; }
loaded() { programs | diff /tmp/programs.before - | grep -c '^>'; }
none_is_loaded() { is programs "$(loaded)" 0; }
hash_of() { sha256sum "$1" | cut -d ' ' -f 1; }
# The daemon is the program that is installed.
is_current() { is program "$(hash_of "/proc/$(show MainPID)/exe")" "$(hash_of /usr/bin/finback)"; }
nothing_runs() {
    [ ! -e /run/finback ] || { ls -la /run/finback; return 1; }
    is pins "$(ls /sys/fs/bpf)" "" && eventually 30 none_is_loaded
}
everything() {
    find / -xdev \( -path /var/log -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache -o -path /tmp -o -path /root \
        -o -path /guest -o -path /var/lib/systemd/random-seed \) -prune -o -print | sort
}

cat >/tmp/shop.py <<'PY'
import socket, time
listener = socket.create_server(("127.0.0.1", 8080))
kept = []
for _ in range(12):
    client = socket.create_connection(("127.0.0.1", 8080))
    client.sendall(b"hello")
    kept.append(listener.accept()[0])
    client.close()
time.sleep(3600)
PY

unpack() { dpkg --force-confold --install "$1"; }
installed() { unpack "$old" && eventually 120 active && is_current && [ "$(loaded)" -gt 5 ]; }
as_told() {
    is Type "$(show Type)" notify && is StatusText "$(show StatusText)" Watching &&
        is WatchdogUSec "$(show WatchdogUSec)" 1min && is enabled "$(systemctl is-enabled $unit)" enabled
}
bounded() {
    is MemoryMax "$(show MemoryMax)" 536870912 && is User "$(show User)" "" &&
        finback status --format json >/tmp/status.json || return 1
    held=$(grep -o '"name":"CAP_[A-Z_]*"' /tmp/status.json | sed 's/.*CAP_\([A-Z_]*\)"/\1/' | sort | tr '\n' ' ')
    is capabilities "$held" "BPF DAC_READ_SEARCH NET_ADMIN PERFMON SYSLOG SYS_ADMIN SYS_PTRACE " || return 1
    for layer in bounding_set no_new_privs no_core system_calls; do
        grep -q "\"$layer\":{\"state\":\"on\"" /tmp/status.json || { echo "$layer is not on" && return 1; }
    done
}
# What the sandbox must not hide, and what it must.
sandbox() {
    within() { nsenter --mount --target "$(show MainPID)" "$@"; }
    within grep -q " tcp_set_state" /proc/kallsyms && within ls /proc/1/fd >/dev/null || return 1
    within mkdir /sys/fs/bpf/trial && within rmdir /sys/fs/bpf/trial || return 1
    for place in /etc /usr /sys/kernel /root; do
        ! within touch $place/trial 2>/dev/null || { echo "$place can be written to" && return 1; }
    done
    ! within sh -c 'echo 1 >/proc/sys/kernel/printk' 2>/dev/null || { echo "sysctls can be set" && return 1; }
}
only_root() {
    ! setpriv --reuid 65534 --regid 65534 --clear-groups finback status &&
        is mode "$(stat -c %a /run/finback)$(stat -c %a /var/lib/finback)" 700700
}
watchdog_is_fed() {
    before=$(show WatchdogTimestampMonotonic)
    fed() { [ "$(show WatchdogTimestampMonotonic)" -gt "$before" ]; }
    eventually 60 fed
}
reloads() {
    pid=$(show MainPID)
    sed -i -e 's/^scan_interval = .*/scan_interval = "1s"/' -e 's/^eof_unread = "10s"/eof_unread = "2s"/' \
        -e '/^\[journal\]/,/^\[webhook\]/s/^severity = .*/severity = "info"/' /etc/finback/finback.toml
    systemctl reload $unit && reloaded() { finback status --format json | grep -q '"reloads":1'; }
    eventually 30 reloaded && is MainPID "$(show MainPID)" "$pid" && is StatusText "$(show StatusText)" Watching
}
wrong_configuration_is_told() {
    cp /etc/finback/finback.toml /tmp/right.toml
    echo 'nonsense = 1' >>/etc/finback/finback.toml
    systemctl reload $unit
    told() { show StatusText | grep -q "not in force"; }
    eventually 30 told && cp /tmp/right.toml /etc/finback/finback.toml && systemctl reload $unit
    untold() { is StatusText "$(show StatusText)" Watching; }
    eventually 30 untold
}
leak_is_found() {
    systemd-run --quiet --unit shop python3 /tmp/shop.py
    in_journal() { journalctl --quiet --unit shop.service --output cat | grep -q "end-of-stream\|hung up\|eof_unread"; }
    eventually 120 counted && eventually 60 in_journal || { finback incidents; journalctl -n 30; return 1; }
    all_twelve() { findings >/tmp/findings.first && is findings "$(grep -c ' [0-9]* 2' /tmp/findings.first)" 12; }
    eventually 60 all_twelve || { finback findings --format json | head -n 1; return 1; }
}
restarts() {
    pid=$(show MainPID)
    systemctl restart $unit && eventually 60 active && [ "$(show MainPID)" != "$pid" ] && goes_on
}
watchdog_bites() {
    mkdir -p /run/systemd/system/$unit.d
    printf '[Service]\nWatchdogSec=8s\n' >/run/systemd/system/$unit.d/test.conf
    systemctl daemon-reload && systemctl restart $unit && eventually 60 active || return 1
    pid=$(show MainPID)
    kill -STOP "$pid"
    another() { [ "$(show MainPID)" != "$pid" ] && active; }
    eventually 120 another || return 1
    journalctl --unit $unit --output cat | grep -i "watchdog timeout" || return 1
    rm -r /run/systemd/system/$unit.d
    systemctl daemon-reload && systemctl restart $unit && eventually 60 active && goes_on
}
# By apt, from an archive that has nothing but the new package.
upgraded() {
    pid=$(show MainPID) before=$(hash_of /usr/bin/finback)
    mkdir /tmp/archive && cp "$new" /tmp/archive/new.deb || return 1
    { dpkg-deb --field "$new" && echo "Filename: ./new.deb" &&
        echo "Size: $(stat -c %s "$new")" && echo "SHA256: $(hash_of "$new")"; } >/tmp/archive/Packages || return 1
    echo "deb [trusted=yes] file:/tmp/archive ./" >/tmp/finback.list
    own="-o Dir::Etc::SourceList=/tmp/finback.list -o Dir::Etc::SourceParts=- -o Dpkg::Options::=--force-confold"
    apt-get -q $own update && apt-get -q $own --yes upgrade && eventually 60 active || return 1
    [ "$(show MainPID)" != "$pid" ] || { echo "the old one runs" && return 1; }
    [ "$(hash_of /usr/bin/finback)" != "$before" ] || { echo "both packages hold the same program" && return 1; }
    is version "$(dpkg-query --show --showformat '${Version}' finback)" "$(dpkg-deb --field "$new" Version)" &&
        is_current && grep -q '^eof_unread = "2s"' /etc/finback/finback.toml && goes_on
}
downgraded() { unpack "$old" && eventually 60 active && is_current && goes_on; }
left_alone() {
    systemctl --quiet disable --now $unit && unpack "$new" && inactive &&
        is enabled "$(systemctl is-enabled $unit)" disabled && systemctl --quiet enable --now $unit &&
        eventually 60 active
}
removed() {
    dpkg --remove finback && inactive || return 1
    [ ! -e /usr/bin/finback ] && [ -e /etc/finback/finback.toml ] && [ -d /var/lib/finback/history ] && nothing_runs
}
comes_back() { unpack "$old" && eventually 60 active && grep -q '^eof_unread = "2s"' /etc/finback/finback.toml; }
purged() {
    [ -d /sys/fs/bpf/finback ] && [ -d /run/finback ] && [ "$(loaded)" -gt 5 ] || { echo "nothing was there" && return 1; }
    dpkg --purge finback && inactive && nothing_runs || return 1
    everything >/tmp/after
    diff /tmp/before /tmp/after
}

start=$(now)
echo "running 17 tests (this Debian has been up for $start s)"
mount -t bpf bpf /sys/fs/bpf 2>/dev/null
everything >/tmp/before
programs >/tmp/programs.before
check installed_and_started installed
check service_as_told as_told
check bounded_and_confined bounded
check sandbox_is_as_wide_as_it_must_be sandbox
check only_root_may_ask only_root
check watchdog_is_fed watchdog_is_fed
check reloads reloads
check wrong_configuration_is_told wrong_configuration_is_told
check leak_is_found leak_is_found
check restarts restarts
check watchdog_bites watchdog_bites
systemd-analyze security $unit 2>/dev/null | tail -n 1
ps -o rss= -p "$(show MainPID)" | sed 's/^/KiB resident: /'
echo "bytes of the control group: $(show MemoryCurrent), at most $(cat /sys/fs/cgroup/system.slice/$unit/memory.peak 2>/dev/null)"
journalctl --unit $unit --priority warning --output cat --no-pager | sort | uniq -c | sort -rn | head -n 10
check upgraded upgraded
check downgraded downgraded
check administrator_s_choice_is_kept left_alone
check removed removed
check comes_back_with_its_configuration comes_back
check purged_without_a_trace purged
result=ok
[ $failed -eq 0 ] || result=FAILED
echo "all took $(($(now) - start)) s"
echo "test result: $result. $passed passed; $failed failed; 0 ignored; 0 measured; 0 filtered out"
[ $failed -eq 0 ]
