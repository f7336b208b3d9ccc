-- Lines that the OpenTelemetry Collector has delivered, as rows of finback.lines: run it after schema.sql, when the
-- collector's `clickhouse` exporter has made its table. The types are those of schema.sql.

CREATE MATERIALIZED VIEW IF NOT EXISTS finback.lines_of_otel TO finback.lines AS
SELECT
    ResourceAttributes['host.name'] AS host,
    parseDateTime64BestEffort(JSONExtractString(Body, 'time'), 9, 'UTC') AS time,
    JSONExtract(Body, 'seq', 'UInt64') AS seq,
    JSONExtract(Body, 'type', 'LowCardinality(String)') AS type,
    JSONExtract(Body, 'hello', 'Tuple(version String, kernel String, boot_id String, next_seq UInt64)') AS hello,
    JSONExtract(Body, 'socket', 'Tuple(id String, netns UInt32, role LowCardinality(String))') AS socket,
    JSONExtract(Body, 'network', 'Tuple(
        local Tuple(address String, port UInt16),
        peer Tuple(address String, port UInt16),
        community_id String,
        connection Tuple(state LowCardinality(String)))') AS network,
    JSONExtract(Body, 'process', 'Tuple(
        pid UInt32,
        start_time DateTime64(9, \'UTC\'),
        comm String,
        executable Tuple(name LowCardinality(String)),
        command_line String)') AS process,
    JSONExtract(Body, 'cgroup', 'LowCardinality(String)') AS cgroup,
    JSONExtract(Body, 'systemd_unit', 'LowCardinality(String)') AS systemd_unit,
    JSONExtract(Body, 'container', 'Tuple(id String, name LowCardinality(String))') AS container,
    JSONExtract(Body, 'k8s', 'Tuple(
        namespace Tuple(name LowCardinality(String)),
        pod Tuple(name LowCardinality(String), uid String),
        container Tuple(name LowCardinality(String)))') AS k8s,
    JSONExtract(Body, 'finding', 'Tuple(
        id UInt64,
        action LowCardinality(String),
        verdict LowCardinality(String),
        severity LowCardinality(String),
        confidence LowCardinality(String),
        incident String,
        opened DateTime64(9, \'UTC\'),
        half_closed_since DateTime64(9, \'UTC\'),
        summary String,
        hint String,
        evidence Tuple(unread_bytes UInt64, threshold_ns UInt64),
        resolution LowCardinality(String))') AS finding,
    JSONExtract(Body, 'incident', 'Tuple(
        id String,
        action LowCardinality(String),
        severity LowCardinality(String),
        reason LowCardinality(String),
        cause Tuple(
            workload LowCardinality(String),
            program LowCardinality(String),
            role LowCardinality(String),
            port UInt16),
        opened DateTime64(9, \'UTC\'),
        connections UInt64,
        total UInt64,
        oldest DateTime64(9, \'UTC\'),
        trend Tuple(rising Bool, per_minute Float64),
        descriptors Tuple(open UInt64, limit UInt64, full_in_ns UInt64))') AS incident,
    JSONExtract(Body, 'connection', 'Tuple(
        opened DateTime64(9, \'UTC\'),
        closed DateTime64(9, \'UTC\'),
        sent_bytes UInt64,
        received_bytes UInt64,
        cause LowCardinality(String))') AS connection,
    JSONExtract(Body, 'transition', 'Tuple(
        `from` LowCardinality(String),
        to LowCardinality(String),
        after_ns UInt64,
        cause LowCardinality(String))') AS transition,
    JSONExtract(Body, 'lost', 'Tuple(records UInt64, reason LowCardinality(String))') AS lost
FROM otel.otel_logs
WHERE ServiceName = 'finback' AND isValidJSON(Body);
