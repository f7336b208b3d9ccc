//! When an incident is a warning, when it is critical, how often it is told.

use std::time::Duration;

/// The value of one setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A count, or a part in percent.
    Number(u32),
    /// A time.
    Time(Duration),
}

/// What a setting can be.
trait Setting: Sized {
    fn read(value: Value) -> Option<Self>;
    fn show(self) -> Value;
}

impl Setting for u32 {
    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Number(number) => Some(number),
            Value::Time(_) => None,
        }
    }

    fn show(self) -> Value {
        Value::Number(self)
    }
}

impl Setting for Duration {
    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Time(time) => Some(time),
            Value::Number(_) => None,
        }
    }

    fn show(self) -> Value {
        Value::Time(self)
    }
}

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $kind:ty = $default:expr,)+) => {
        /// Everything that can be set of incidents; for each there is a default.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

            /// Sets it; whether there is one of that name and kind.
            pub fn set(&mut self, name: &str, value: Value) -> bool {
                match name {
                    $(stringify!($name) => Setting::read(value).map(|value| self.$name = value).is_some(),)+
                    _ => false,
                }
            }
        }
    };
}

settings! {
    /// `warning` (`crowd`) from so many connections on that have gone unnoticed for long enough …
    crowd: u32 = 10,
    /// … and from so many percent of the cause's open connections on.
    crowd_percent: u32 = 1,
    /// Long enough where the peer is gone or where it cannot be work.
    crowd_after: Duration = Duration::from_mins(1),
    /// Long enough where nobody knows whether the peer is still there.
    crowd_after_unknown: Duration = Duration::from_mins(5),
    /// `warning` (`age`) after so long where it cannot be work.
    age: Duration = Duration::from_mins(5),
    /// `warning` (`age`) after so long where it may be work, but the peer is gone.
    age_peer_gone: Duration = Duration::from_mins(15),
    /// The shortest window of the trend (`rising`); slower ones are seen in windows 10 and 60 times as long.
    trend_window: Duration = Duration::from_mins(1),
    /// `warning` (`rising`) if so many settle in five windows.
    trend_settled: u32 = 5,
    /// `warning` (`descriptors`) from so many percent of a process's descriptors on …
    descriptors_percent: u32 = 80,
    /// … if the incident has so many percent of them, or connections that nobody accepts.
    descriptors_share_percent: u32 = 20,
    /// `critical` (`descriptors`) from so many percent on, twice in a row.
    descriptors_critical_percent: u32 = 95,
    /// `critical` (`descriptors`) if they are used up sooner than this.
    descriptors_full_in: Duration = Duration::from_mins(15),
    /// `warning` (`queue`) if nothing was accepted for so long while connections waited.
    queue_stuck_after: Duration = Duration::from_mins(1),
    /// `warning` (`queue`) if an accept queue was filled to so many percent …
    queue_percent: u32 = 80,
    /// … at every look for so long. `critical` if it was full for so long and nothing was accepted.
    queue_full_after: Duration = Duration::from_secs(30),
    /// Shorter accept queues fill in a moment.
    queue_min_length: u32 = 8,
    /// `warning` (`spin`) after so long.
    spin_after: Duration = Duration::from_secs(10),
    /// `warning` (`lost_requests`) if more than so many are lost in a minute …
    lost_requests: u32 = 10,
    /// … in so many of five.
    lost_requests_minutes: u32 = 3,
    /// A severity falls when the incident has been below it for so long.
    fall_after: Duration = Duration::from_mins(10),
    /// Numbers that change are told so often at most.
    update_interval: Duration = Duration::from_secs(10),
    /// An incident is resolved when it has been empty for so long …
    resolve_after: Duration = Duration::from_mins(1),
    /// … or for so long if it had warned and its processes live on.
    resolve_after_warning: Duration = Duration::from_mins(10),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_found_by_its_name_and_takes_its_kind_only() {
        let mut settings = IncidentSettings::default();
        for name in IncidentSettings::NAMES {
            let (number, time) = (Value::Number(7), Value::Time(Duration::from_secs(7)));
            let fits = match settings.get(name).unwrap() {
                Value::Number(_) => number,
                Value::Time(_) => time,
            };
            assert_eq!(settings.set(name, number), fits == number, "{name}");
            assert_eq!(settings.set(name, time), fits == time, "{name}");
            assert_eq!(settings.get(name), Some(fits), "{name}");
        }
        assert!(!settings.set("croud", Value::Number(7)));
        assert_eq!(settings.get("croud"), None);
    }
}
