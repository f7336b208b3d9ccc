//! Incidents, each with the labels by which an alert finds its people.

use std::sync::Arc;

use finback_core::model::finding::{Severity, Verdict};
use finback_core::model::incident::{Incident, Rate};
use finback_core::model::socket::Role;
use finback_core::model::time::Timestamp;

use super::clean;
use super::family::{Family, Kind, Labels, Unit};
use super::identity::Identity;
use super::kit::{label, number};
use crate::process::Descriptions;

/// Series of their own for so many, the most severe and largest first.
const WORST: usize = 200;

const SEVERITIES: [Severity; 3] = [Severity::Info, Severity::Warning, Severity::Critical];

/// Of all incidents that are not over, as they were told last. `people`: what is known of their processes.
pub fn families(all: &[Arc<Incident>], people: &Descriptions, now: Timestamp) -> Vec<Family> {
    let mut sorted: Vec<&Incident> = all.iter().map(|incident| &**incident).collect();
    sorted.sort_by_key(|one| std::cmp::Reverse((one.severity, one.connections, one.id)));
    sorted.truncate(WORST);
    let mut table = Table::default();
    for incident in sorted {
        table.add(incident, &labels(incident, people), now);
    }
    let mut families = vec![counts(all)];
    families.extend(table.0);
    families
}

/// How many there are: every combination, so that none appears out of nothing.
fn counts(all: &[Arc<Incident>]) -> Family {
    let mut family = Family::new(
        "finback_incidents",
        Kind::Gauge,
        "Incidents that are not over, by severity and by the verdict that most of their connections have",
    );
    for severity in SEVERITIES {
        for verdict in Verdict::ALL {
            let is_it = |one: &&Arc<Incident>| {
                let most = one.verdicts.first().map(|(verdict, _)| verdict);
                one.severity == severity && most == Some(verdict)
            };
            let mut labels = label("severity", severity.name());
            labels.push(("verdict", verdict.name().to_owned()));
            family.add(labels, number(all.iter().filter(is_it).count() as u64));
        }
    }
    family
}

/// One family per number.
#[derive(Debug)]
struct Table([Family; 12]);

impl Default for Table {
    fn default() -> Self {
        let gauge = |name, help| Family::new(name, Kind::Gauge, help);
        Self([
            gauge(
                "finback_incident_connections",
                "Connections of an incident that are in trouble, by verdict, with the incident's severity",
            ),
            gauge(
                "finback_incident_oldest",
                "How long the oldest connection of an incident has been in trouble",
            )
            .unit(Unit::Seconds),
            gauge(
                "finback_incident_rising",
                "1 if an incident's connections become more and more: a leak",
            ),
            gauge(
                "finback_incident_growth",
                "Connections that settle every second while an incident rises",
            ),
            gauge(
                "finback_incident_descriptors_open",
                "Descriptors of the process of an incident that has the fewest left",
            ),
            gauge(
                "finback_incident_descriptors_limit",
                "How many it may have (RLIMIT_NOFILE)",
            ),
            gauge(
                "finback_incident_descriptors_full",
                "None is left in so long if the incident goes on rising; absent if it does not rise",
            )
            .unit(Unit::Seconds),
            gauge(
                "finback_incident_accept_queue_waiting",
                "Connections in the accept queue of an incident that is worst",
            ),
            gauge(
                "finback_incident_accept_queue_limit",
                "How many that accept queue may hold",
            ),
            gauge(
                "finback_incident_accept_queue_stuck",
                "Nothing was accepted from that accept queue for so long",
            )
            .unit(Unit::Seconds),
            Family::new(
                "finback_incident_lost_requests",
                Kind::Counter,
                "Requests of an incident that were lost on connections which the server had closed",
            ),
            gauge(
                "finback_incident_severity",
                "How severe an incident is: 0 info, 1 warning, 2 critical",
            ),
        ])
    }
}

impl Table {
    fn add(&mut self, incident: &Incident, labels: &Labels, now: Timestamp) {
        let [
            connections,
            oldest,
            rising,
            growth,
            open,
            limit,
            full,
            waiting,
            room,
            stuck,
            lost,
            severity,
        ] = &mut self.0;
        for (verdict, count) in &incident.verdicts {
            let mut labels = labels.clone();
            labels.push(("severity", incident.severity.name().to_owned()));
            labels.push(("verdict", verdict.name().to_owned()));
            connections.add(labels, f64::from(*count));
        }
        let set = |family: &mut Family, value: f64| family.add(labels.clone(), value);
        if let Some(since) = incident.oldest {
            set(oldest, now.since(since).as_secs_f64());
        }
        set(rising, f64::from(u8::from(incident.rising)));
        let rate = incident.rate.filter(|_| incident.rising);
        let every_second = |rate: Rate| number(rate.tenths_per_minute()) / 600.0;
        set(growth, rate.map_or(0.0, every_second));
        if let Some(used) = incident.descriptors {
            set(open, number(used.descriptors.open));
            set(limit, number(used.descriptors.limit));
            if let Some(left) = used.full_in {
                set(full, left.as_secs_f64());
            }
        }
        if let Some(queue) = incident.queue {
            set(waiting, f64::from(queue.waiting));
            set(room, f64::from(queue.limit));
            set(stuck, queue.stuck.as_secs_f64());
        }
        set(lost, number(incident.lost_requests));
        set(severity, f64::from(incident.severity as u8));
    }
}

fn labels(incident: &Incident, people: &Descriptions) -> Labels {
    let cause = &incident.cause;
    let mut labels = label("incident", incident.id.to_string());
    labels.push(("program", clean::name(&cause.program)));
    let role = match cause.role {
        Role::Client => "client",
        Role::Server => "server",
        Role::Unknown => "unknown",
    };
    labels.push(("role", role.to_owned()));
    labels.extend(cause.port.map(|port| ("port", port.to_string())));
    if let Some((most, _)) = incident.processes.first() {
        labels.extend(Identity::of(most, people.known(most.id)).labels());
    }
    labels
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::output::samples;
    use finback_core::model::event::Body;

    fn incident() -> Arc<Incident> {
        let Body::Incident(incident) = samples::incident().body else {
            panic!("no incident");
        };
        incident
    }

    #[test]
    fn an_incident_carries_the_labels_of_its_cause() {
        let incident = incident();
        let people = Descriptions::new(Path::new("/"));
        let families = families(&[Arc::clone(&incident)], &people, Timestamp::default());
        let rising = families
            .iter()
            .find(|family| family.name == "finback_incident_rising")
            .unwrap();
        let [point] = &*rising.points else {
            panic!("{rising:?}");
        };
        let label = |name: &str| {
            let found = point.labels.iter().find(|(label, _)| *label == name);
            found.map(|(_, value)| value.as_str())
        };
        assert_eq!(label("incident"), Some(&*incident.id.to_string()));
        assert_eq!(label("program"), Some(&*incident.cause.program));
        assert_eq!(label("process"), Some("python3"));
    }

    #[test]
    fn every_combination_of_severity_and_verdict_is_there_from_the_beginning() {
        let family = counts(&[]);
        assert_eq!(family.points.len(), 3 * Verdict::ALL.len());
    }

    #[test]
    fn no_more_than_the_worst_have_series_of_their_own() {
        let one = incident();
        let many: Vec<_> = (0..1000).map(|_| Arc::clone(&one)).collect();
        let people = Descriptions::new(Path::new("/"));
        let families = families(&many, &people, Timestamp::default());
        let rising = families
            .iter()
            .find(|f| f.name == "finback_incident_rising");
        assert_eq!(rising.unwrap().points.len(), WORST);
        let counted = families.first().unwrap().points.iter();
        let counted = counted.filter_map(|point| match &point.value {
            super::super::family::Value::Number(number) => Some(*number),
            super::super::family::Value::Histogram(_) => None,
        });
        assert!((counted.sum::<f64>() - 1000.0).abs() < 0.5);
    }
}
