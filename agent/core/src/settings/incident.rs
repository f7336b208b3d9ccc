//! When an incident is a warning, when it is critical, how often it is told.

use std::time::Duration;

use super::verdict::NEVER;
use crate::model::finding::Severity;

/// The value of one setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Value {
    /// A count, or a part in percent.
    Number(u32),
    /// A time.
    Time(Duration),
    /// A severity.
    Severity(Severity),
    /// What it asks for is never so.
    Off,
}

/// What a setting can be.
trait Setting: Sized {
    /// `off` is what it is when it is off, if it can be.
    fn read(value: Value, off: Option<Self>) -> Option<Self>;
    fn show(self) -> Value;
}

impl Setting for u32 {
    fn read(value: Value, off: Option<Self>) -> Option<Self> {
        match value {
            Value::Number(number) => Some(number),
            Value::Off => off,
            Value::Time(_) | Value::Severity(_) => None,
        }
    }

    fn show(self) -> Value {
        Value::Number(self)
    }
}

impl Setting for Duration {
    fn read(value: Value, off: Option<Self>) -> Option<Self> {
        match value {
            Value::Time(time) => Some(time),
            Value::Off => off,
            Value::Number(_) | Value::Severity(_) => None,
        }
    }

    fn show(self) -> Value {
        Value::Time(self)
    }
}

impl Setting for Option<Severity> {
    fn read(value: Value, off: Option<Self>) -> Option<Self> {
        match value {
            Value::Severity(severity) => Some(Some(severity)),
            Value::Off => off,
            Value::Number(_) | Value::Time(_) => None,
        }
    }

    fn show(self) -> Value {
        self.map_or(Value::Off, Value::Severity)
    }
}

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $kind:ty = $default:expr $(, off $off:expr)?;)+) => {
        /// Everything that can be set of incidents; for each there is a default.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub struct IncidentSettings { $($(#[$doc])* pub $name: $kind,)+ }

        impl Default for IncidentSettings {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        impl IncidentSettings {
            /// Names in the configuration.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];

            /// What a setting is now; `None` if there is none of that name.
            pub fn get(&self, name: &str) -> Option<Value> {
                match name {
                    $(stringify!($name) => Some(self.$name.show()),)+
                    _ => None,
                }
            }

            /// Sets it; whether there is one of that name, and of that kind or with an `off`.
            pub fn set(&mut self, name: &str, value: Value) -> bool {
                match name {
                    $(stringify!($name) => {
                        let off: Option<$kind> = [$($off)?].first().copied();
                        Setting::read(value, off).map(|value| self.$name = value).is_some()
                    })+
                    _ => false,
                }
            }
        }
    };
}

settings! {
    /// No incident is more severe than this; if it is off, none is told.
    severity: Option<Severity> = Some(Severity::Critical), off None;
    /// `warning` (`crowd`) from so many connections on that have gone unnoticed for long enough …
    crowd: u32 = 10, off u32::MAX;
    /// … and from so many percent of the cause's open connections on.
    crowd_percent: u32 = 1;
    /// Long enough where the peer is gone or where it cannot be work.
    crowd_after: Duration = Duration::from_mins(1), off NEVER;
    /// Long enough where nobody knows whether the peer is still there.
    crowd_after_unknown: Duration = Duration::from_mins(5), off NEVER;
    /// `warning` (`age`) after so long where it cannot be work.
    age: Duration = Duration::from_mins(5), off NEVER;
    /// `warning` (`age`) after so long where it may be work, but the peer is gone.
    age_peer_gone: Duration = Duration::from_mins(15), off NEVER;
    /// The shortest window of the trend (`rising`); slower ones are seen in windows 10 and 60 times as long.
    trend_window: Duration = Duration::from_mins(1);
    /// `warning` (`rising`) if so many settle in five windows.
    trend_settled: u32 = 5, off u32::MAX;
    /// `warning` (`descriptors`) from so many percent of a process's descriptors on …
    descriptors_percent: u32 = 80, off u32::MAX;
    /// … if the incident has so many percent of them, or connections that nobody accepts.
    descriptors_share_percent: u32 = 20;
    /// `critical` (`descriptors`) from so many percent on, twice in a row.
    descriptors_critical_percent: u32 = 95, off u32::MAX;
    /// `critical` (`descriptors`) if they are used up sooner than this.
    descriptors_full_in: Duration = Duration::from_mins(15), off Duration::ZERO;
    /// `warning` (`queue`) if nothing was accepted for so long while connections waited.
    queue_stuck_after: Duration = Duration::from_mins(1), off NEVER;
    /// `warning` (`queue`) if an accept queue was filled to so many percent …
    queue_percent: u32 = 80;
    /// … at every look for so long. `critical` if it was full for so long and nothing was accepted.
    queue_full_after: Duration = Duration::from_secs(30), off NEVER;
    /// Shorter accept queues fill in a moment.
    queue_min_length: u32 = 8;
    /// `warning` (`spin`) after so long.
    spin_after: Duration = Duration::from_secs(10), off NEVER;
    /// `warning` (`lost_requests`) if more than so many are lost in a minute …
    lost_requests: u32 = 10, off u32::MAX;
    /// … in so many of five.
    lost_requests_minutes: u32 = 3;
    /// While none of the processes that could act can run, time counts only after so long.
    halted_after: Duration = Duration::from_mins(5);
    /// A severity falls when the incident has been below it for so long.
    fall_after: Duration = Duration::from_mins(10);
    /// Numbers that change are told so often at most.
    update_interval: Duration = Duration::from_secs(10);
    /// An incident is resolved when it has been empty for so long …
    resolve_after: Duration = Duration::from_mins(1);
    /// … or for so long if it had warned and its processes live on.
    resolve_after_warning: Duration = Duration::from_mins(10);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_found_by_its_name_and_takes_its_kind_only() {
        let mut settings = IncidentSettings::default();
        let all = [
            Value::Number(7),
            Value::Time(Duration::from_secs(7)),
            Value::Severity(Severity::Warning),
        ];
        for name in IncidentSettings::NAMES {
            let default = settings.get(name).unwrap();
            let fits =
                |value: &Value| std::mem::discriminant(value) == std::mem::discriminant(&default);
            for value in &all {
                assert_eq!(settings.set(name, *value), fits(value), "{name}");
            }
            assert_eq!(
                settings.get(name).as_ref(),
                all.iter().find(|v| fits(v)),
                "{name}"
            );
        }
        assert!(!settings.set("croud", Value::Number(7)));
        assert_eq!(settings.get("croud"), None);
    }

    #[test]
    fn what_makes_an_incident_worse_can_be_off_and_how_often_it_is_told_cannot() {
        let mut settings = IncidentSettings::default();
        let off: Vec<_> = IncidentSettings::NAMES
            .iter()
            .filter(|name| settings.set(name, Value::Off))
            .collect();
        assert_eq!(off.len(), 14, "{off:?}");
        assert_eq!((settings.severity, settings.crowd), (None, u32::MAX));
        assert_eq!(settings.update_interval, Duration::from_secs(10));
    }
}
