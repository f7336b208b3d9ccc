-- finback's lines in ClickHouse, one row each, inserted as they are (JSONEachRow) with the name of the host added.
-- Columns are named like the fields of docs/events.md; what is not here is skipped at insertion. To keep more of a
-- line, add an element to a tuple: older rows have its default.

CREATE DATABASE IF NOT EXISTS finback;

CREATE TABLE IF NOT EXISTS finback.lines
(
    host LowCardinality(String),
    time DateTime64(9, 'UTC'),
    seq UInt64,
    type LowCardinality(String),
    hello Tuple(version String, kernel String, boot_id String, next_seq UInt64),
    socket Tuple(id String, netns UInt32, role LowCardinality(String)),
    network Tuple(
        local Tuple(address String, port UInt16),
        peer Tuple(address String, port UInt16),
        community_id String,
        connection Tuple(state LowCardinality(String))),
    process Tuple(
        pid UInt32,
        start_time DateTime64(9, 'UTC'),
        comm String,
        executable Tuple(name LowCardinality(String)),
        command_line String),
    cgroup LowCardinality(String),
    systemd_unit LowCardinality(String),
    container Tuple(id String, name LowCardinality(String)),
    k8s Tuple(
        namespace Tuple(name LowCardinality(String)),
        pod Tuple(name LowCardinality(String), uid String),
        container Tuple(name LowCardinality(String))),
    finding Tuple(
        id UInt64,
        action LowCardinality(String),
        verdict LowCardinality(String),
        severity LowCardinality(String),
        confidence LowCardinality(String),
        incident String,
        opened DateTime64(9, 'UTC'),
        half_closed_since DateTime64(9, 'UTC'),
        summary String,
        hint String,
        evidence Tuple(unread_bytes UInt64, threshold_ns UInt64),
        resolution LowCardinality(String)),
    incident Tuple(
        id String,
        action LowCardinality(String),
        severity LowCardinality(String),
        reason LowCardinality(String),
        cause Tuple(
            workload LowCardinality(String),
            program LowCardinality(String),
            role LowCardinality(String),
            port UInt16),
        opened DateTime64(9, 'UTC'),
        connections UInt64,
        total UInt64,
        oldest DateTime64(9, 'UTC'),
        trend Tuple(rising Bool, per_minute Float64),
        descriptors Tuple(open UInt64, limit UInt64, full_in_ns UInt64)),
    connection Tuple(
        opened DateTime64(9, 'UTC'),
        closed DateTime64(9, 'UTC'),
        sent_bytes UInt64,
        received_bytes UInt64,
        cause LowCardinality(String)),
    transition Tuple(
        `from` LowCardinality(String),
        to LowCardinality(String),
        after_ns UInt64,
        cause LowCardinality(String)),
    lost Tuple(records UInt64, reason LowCardinality(String)),

    community_id String MATERIALIZED network.community_id,
    program LowCardinality(String)
        MATERIALIZED if(process.executable.name != '', process.executable.name, process.comm),
    -- What people call it: the container of a pod, a container, a unit, or else the program.
    service LowCardinality(String) MATERIALIZED multiIf(
        k8s.pod.name != '', concat(k8s.namespace.name, '/', k8s.pod.name, '/', k8s.container.name),
        container.name != '', container.name,
        systemd_unit != '', systemd_unit,
        process.executable.name != '', process.executable.name,
        process.comm),

    INDEX by_community_id community_id TYPE bloom_filter(0.01)
)
ENGINE = MergeTree
PARTITION BY toDate(time)
ORDER BY (type, host, time, seq)
TTL toDateTime(time) + INTERVAL 14 DAY
SETTINGS ttl_only_drop_parts = 1;

-- What each line says of an end of a connection, in the order in which `finback.both_ends` looks for the other end. Here and
-- in `processes` a line that is delivered twice does no harm.
CREATE TABLE IF NOT EXISTS finback.ends
(
    community_id String,
    host LowCardinality(String),
    netns UInt32,
    socket_id String,
    -- It lived from here, as far as the line tells, …
    first DateTime64(9, 'UTC'),
    -- … to here at least, …
    last DateTime64(9, 'UTC'),
    -- … and that was its end.
    over Bool,
    -- `finback ls` has shown it, not the stream.
    listed Bool,
    local_address String,
    local_port UInt16,
    pid UInt32,
    start_time DateTime64(9, 'UTC'),
    comm LowCardinality(String),
    state LowCardinality(String),
    verdict LowCardinality(String)
)
ENGINE = MergeTree
ORDER BY (community_id, host, netns, socket_id)
TTL toDateTime(last) + INTERVAL 14 DAY
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS finback.ends_of_lines TO finback.ends AS
WITH toDateTime64(0, 9, 'UTC') AS unknown
SELECT
    network.community_id AS community_id,
    host,
    socket.netns AS netns,
    socket.id AS socket_id,
    multiIf(
        type = 'connection' AND connection.opened > unknown, connection.opened,
        type = 'finding' AND finding.half_closed_since > unknown, finding.half_closed_since,
        type = 'finding', finding.opened - toIntervalNanosecond(finding.evidence.threshold_ns),
        time - toIntervalNanosecond(transition.after_ns)) AS first,
    if(type = 'connection', connection.closed, time) AS last,
    type = 'connection'
        OR transition.to IN ('closed', 'time_wait')
        OR finding.resolution IN
            ('closed_by_app', 'process_exited', 'reset', 'destroyed', 'timed_out', 'peer_closed') AS over,
    type = 'socket' AS listed,
    network.local.address AS local_address,
    network.local.port AS local_port,
    process.pid AS pid,
    process.start_time AS start_time,
    process.comm AS comm,
    network.connection.state AS state,
    finding.verdict AS verdict
FROM finback.lines
-- What the kernel keeps of a connection that its process has closed has been told of before.
WHERE network.community_id != '' AND (type != 'socket' OR process.pid != 0);

-- What a process is called, by the lines that have all names (findings, incidents, `finback ls`): lines of
-- connections and of changes of state have `comm` only.
CREATE TABLE IF NOT EXISTS finback.processes
(
    host LowCardinality(String),
    pid UInt32,
    start_time DateTime64(9, 'UTC'),
    told SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
    program SimpleAggregateFunction(anyLast, LowCardinality(String)),
    command_line SimpleAggregateFunction(anyLast, String),
    unit SimpleAggregateFunction(anyLast, LowCardinality(String)),
    namespace SimpleAggregateFunction(anyLast, LowCardinality(String)),
    pod SimpleAggregateFunction(anyLast, LowCardinality(String)),
    container SimpleAggregateFunction(anyLast, LowCardinality(String))
)
ENGINE = AggregatingMergeTree
ORDER BY (host, pid, start_time)
TTL toDateTime(told) + INTERVAL 14 DAY;

CREATE MATERIALIZED VIEW IF NOT EXISTS finback.processes_of_lines TO finback.processes AS
SELECT
    host,
    process.pid AS pid,
    process.start_time AS start_time,
    max(time) AS told,
    anyLast(process.executable.name) AS program,
    anyLast(process.command_line) AS command_line,
    anyLast(systemd_unit) AS unit,
    anyLast(k8s.namespace.name) AS namespace,
    anyLast(k8s.pod.name) AS pod,
    anyLast(if(k8s.container.name != '', k8s.container.name, container.name)) AS container
FROM finback.lines
WHERE type IN ('finding', 'incident', 'socket') AND process.pid != 0
GROUP BY host, pid, start_time;
