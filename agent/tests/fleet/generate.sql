-- As many lines as a fleet has, in the shapes of those that were recorded: {copies} copies of all of them, so that each
-- copy is two hosts with a leak, and of the lines of connections as many as make {rows} rows in all. A copy has its own
-- hosts, addresses and keys and begins at any moment of a week; what belongs together is together in it, too.

CREATE TABLE finback.recorded AS finback.lines;

INSERT INTO finback.recorded SELECT * FROM finback.lines WHERE type != 'hello';

CREATE VIEW finback.copied AS
WITH
    toIntervalSecond(cityHash64(copy) % 604800) AS earlier,
    concat('10.', toString(copy % 256), '.', toString(intDiv(copy, 256) % 256), '.') AS prefix,
    -- Nothing stays nothing: 1970 is what is not known.
    moment -> if(moment > toDateTime64(0, 9, 'UTC'), moment - earlier, moment) AS moved
SELECT
    concat(host, '-', toString(copy % 2000)) AS host,
    time - earlier AS time,
    seq,
    type,
    hello,
    (concat(socket.id, '-', toString(copy)), socket.netns, socket.role) AS socket,
    (
        (replaceOne(network.local.address, '10.77.0.', prefix), network.local.port),
        (replaceOne(network.peer.address, '10.77.0.', prefix), network.peer.port),
        if(network.community_id = '', '',
            concat('1:', base64Encode(SHA1(concat(network.community_id, toString(copy)))))),
        network.connection
    ) AS network,
    (process.pid, moved(process.start_time), process.comm, process.executable, process.command_line) AS process,
    cgroup,
    systemd_unit,
    container,
    k8s,
    (
        finding.id + 1000 * copy, finding.action, finding.verdict, finding.severity, finding.confidence,
        finding.incident, moved(finding.opened), moved(finding.half_closed_since), finding.summary, finding.hint,
        finding.evidence, finding.resolution
    ) AS finding,
    (
        incident.id, incident.action, incident.severity, incident.reason, incident.cause, moved(incident.opened),
        incident.connections, incident.total, moved(incident.oldest), incident.trend, incident.descriptors
    ) AS incident,
    (
        moved(connection.opened), moved(connection.closed), connection.sent_bytes, connection.received_bytes,
        connection.cause
    ) AS connection,
    transition,
    lost
FROM (SELECT number AS copy FROM numbers({first:UInt64}, {count:UInt64})) AS copies
CROSS JOIN finback.recorded AS recorded
WHERE type LIKE {kind:String};

INSERT INTO finback.lines SELECT * FROM finback.copied(first = 1, count = {copies}, kind = '%');

INSERT INTO finback.lines
WITH
    (SELECT count() FROM finback.recorded) * {copies} AS all_kinds,
    (SELECT count() FROM finback.recorded WHERE type = 'connection') AS connections
SELECT * FROM finback.copied(first = {copies} + 1, count = intDiv({rows} - all_kinds, connections), kind = 'connection');
