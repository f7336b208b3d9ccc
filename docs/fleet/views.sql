-- What is wrong now, over all hosts. Every view reads what was told in the last 14 days (the table's TTL); add
-- `WHERE told > now() - INTERVAL 1 HOUR`, a host or a service to look at less.

-- The moment after which lines of an earlier daemon of the host say nothing any more: a `hello` whose numbers begin
-- anew. A daemon that ends does not resolve what it has told.
CREATE OR REPLACE VIEW finback.daemons AS
SELECT host, time AS since, hello.next_seq AS next_seq FROM finback.lines WHERE type = 'hello';

-- Findings that are not resolved: the last line of each.
CREATE OR REPLACE VIEW finback.open_findings AS
SELECT findings.*
FROM
(
    SELECT
        host,
        socket.id AS socket_id,
        finding.id AS finding_id,
        max(time) AS told,
        argMax(seq, (time, seq)) AS told_seq,
        argMax(finding.action, (time, seq)) AS action,
        argMax(finding.verdict, (time, seq)) AS verdict,
        argMax(finding.severity, (time, seq)) AS severity,
        argMax(finding.confidence, (time, seq)) AS confidence,
        argMax(finding.incident, (time, seq)) AS incident,
        argMax(finding.summary, (time, seq)) AS summary,
        any(finding.opened) AS opened,
        max(finding.half_closed_since) AS half_closed_since,
        any(socket.netns) AS netns,
        any(socket.role) AS role,
        any(network.community_id) AS community_id,
        any(network.local.address) AS local_address,
        any(network.local.port) AS local_port,
        any(network.peer.address) AS peer_address,
        any(network.peer.port) AS peer_port,
        argMax(network.connection.state, (time, seq)) AS state,
        max(process.pid) AS pid,
        argMax(program, (time, seq)) AS program,
        argMax(service, (time, seq)) AS service,
        argMax(process.command_line, (time, seq)) AS command_line,
        any(k8s.namespace.name) AS namespace,
        any(k8s.pod.name) AS pod,
        any(systemd_unit) AS unit
    FROM finback.lines
    WHERE type = 'finding'
    GROUP BY host, socket_id, finding_id
    HAVING action != 'resolved'
) AS findings
LEFT ANTI JOIN finback.daemons AS later
    ON findings.host = later.host AND findings.told < later.since AND findings.told_seq >= later.next_seq;

-- The worst services: open incidents by workload and program, over all hosts.
CREATE OR REPLACE VIEW finback.worst_services AS
SELECT
    workload,
    program,
    role,
    port,
    argMax(severity, rank) AS severity,
    argMax(reason, rank) AS reason,
    uniqExact(host) AS hosts,
    sum(connections) AS connections,
    sum(rising_per_minute) AS rising_per_minute,
    min(oldest) AS oldest,
    min(full_in_ns) AS descriptors_full_in_ns,
    max(told) AS told
FROM
(
    SELECT
        host,
        incident.id AS id,
        max(time) AS told,
        argMax(seq, (time, seq)) AS told_seq,
        argMax(incident.action, (time, seq)) AS action,
        argMax(incident.severity, (time, seq)) AS severity,
        argMax(incident.reason, (time, seq)) AS reason,
        argMax(incident.connections, (time, seq)) AS connections,
        argMax(incident.oldest, (time, seq)) AS oldest,
        argMax(if(incident.trend.rising, incident.trend.per_minute, 0), (time, seq)) AS rising_per_minute,
        nullIf(argMax(incident.descriptors.full_in_ns, (time, seq)), 0) AS full_in_ns,
        any(incident.cause.workload) AS workload,
        any(incident.cause.program) AS program,
        any(incident.cause.role) AS role,
        any(incident.cause.port) AS port,
        indexOf(['info', 'warning', 'critical'], severity) AS rank
    FROM finback.lines
    WHERE type = 'incident'
    GROUP BY host, id
    HAVING action != 'resolved'
) AS incidents
LEFT ANTI JOIN finback.daemons AS later
    ON incidents.host = later.host AND incidents.told < later.since AND incidents.told_seq >= later.next_seq
GROUP BY workload, program, role, port
ORDER BY max(rank) DESC, connections DESC;

-- Which peers a service's open findings lead to. Peers that are clients have many ports: theirs are left out.
CREATE OR REPLACE VIEW finback.leak_by_peer AS
SELECT
    service,
    role,
    peer_address,
    if(role = 'client', peer_port, 0) AS peer_port,
    topK(3)(verdict) AS verdicts,
    count() AS connections,
    uniqExact(host) AS hosts,
    min(if(half_closed_since > toDateTime64(0, 9, 'UTC'), half_closed_since, opened)) AS oldest,
    max(told) AS told
FROM finback.open_findings
GROUP BY service, role, peer_address, peer_port
ORDER BY connections DESC;

-- Both ends: each open finding with what the host of the other end has told of the same connection. `other_*` is empty
-- where nobody has: no finback there, not collected, or addresses translated in between (NAT); pod and unit are empty
-- where nothing but connections was told of that process. Of several connections
-- that had the same addresses and ports one after the other it is the one that lived between the moment of the FIN, by
-- clocks that are five seconds apart at most, and that at which the finding was opened.
CREATE OR REPLACE VIEW finback.both_ends AS
SELECT
    findings.host AS host,
    findings.verdict AS verdict,
    findings.severity AS severity,
    findings.role AS role,
    findings.service AS service,
    findings.program AS program,
    findings.command_line AS command_line,
    findings.pid AS pid,
    findings.pod AS pod,
    findings.state AS state,
    findings.local_address AS local_address,
    findings.local_port AS local_port,
    findings.peer_address AS peer_address,
    findings.peer_port AS peer_port,
    other.host AS other_host,
    if(names.program != '', names.program, other.comm) AS other_program,
    names.command_line AS other_command_line,
    other.process.2 AS other_pid,
    names.namespace AS other_namespace,
    names.pod AS other_pod,
    names.container AS other_container,
    names.unit AS other_unit,
    other.state AS other_state,
    other.verdict AS other_verdict,
    if(other.over, other.last, NULL) AS other_ended,
    findings.half_closed_since AS half_closed_since,
    findings.opened AS opened,
    findings.told AS told,
    findings.summary AS summary,
    findings.community_id AS community_id,
    findings.socket_id AS socket_id,
    findings.finding_id AS finding_id
FROM
(
    SELECT
        *,
        if(half_closed_since > toDateTime64(0, 9, 'UTC'), half_closed_since, opened) AS since,
        -- Every host has its own 127.0.0.1, ::1, 169.254.0.1 and fe80::1.
        local_address = '::1' OR local_address LIKE '127.%'
            OR local_address LIKE 'fe80:%' OR local_address LIKE '169.254.%' AS only_here
    FROM finback.open_findings
    WHERE community_id != ''
) AS findings
LEFT JOIN
(
    SELECT
        community_id, host, netns, socket_id,
        min(ends.first) AS first, max(ends.last) AS last, max(over) AS over, min(listed) AS listed,
        any(local_address) AS local_address, any(local_port) AS local_port,
        argMaxIf((start_time, pid), ends.last, pid != 0) AS process, argMaxIf(comm, ends.last, pid != 0) AS comm,
        argMax(state, ends.last) AS state, argMaxIf(verdict, ends.last, verdict != '') AS verdict
    FROM finback.ends
    WHERE community_id IN (SELECT community_id FROM finback.lines WHERE type = 'finding')
    GROUP BY community_id, host, netns, socket_id
) AS other
    ON findings.community_id = other.community_id
    AND other.local_address = findings.peer_address
    AND other.local_port = findings.peer_port
    AND (other.host = findings.host OR NOT findings.only_here)
    AND other.first <= findings.opened
    AND (NOT other.over OR other.last >= findings.since - INTERVAL 5 SECOND)
LEFT JOIN
(
    SELECT
        host, pid, start_time,
        anyLast(program) AS program, anyLast(command_line) AS command_line, anyLast(unit) AS unit,
        anyLast(namespace) AS namespace, anyLast(pod) AS pod, anyLast(container) AS container
    FROM finback.processes
    GROUP BY host, pid, start_time
) AS names
    ON names.host = other.host AND names.pid = other.process.2 AND names.start_time = other.process.1
ORDER BY findings.opened, other.listed, other.first DESC
LIMIT 1 BY findings.host, findings.socket_id, findings.finding_id;
