//! What a soak says.

use std::fmt;

use super::sample::{Run, Sample};
use super::trend::Trend;

/// KiB an hour that are no leak: a page for each of 64 tables that once was a little fuller than before.
const LEAST: f64 = 256.0;
/// Descriptors more, on the mean: one of the rig's own questions.
const ONE: f64 = 1.0;

/// Of one daemon.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub(super) name: String,
    pub(super) resident: Option<Trend>,
    pub(super) own: Option<Trend>,
    pub(super) descriptors: Option<Trend>,
    /// Of one processor.
    pub(super) cpu_percent: f64,
    /// Counters that are not 0.
    pub(super) lost: Vec<(String, u64)>,
}

/// Of all.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    pub(super) daemons: Vec<Judged>,
    /// Every leak was told, and nothing else.
    told: bool,
    /// It came to its end.
    whole: bool,
    /// Places of the kernel's table at the most, and leaks at the most.
    pub(super) places: (u64, u64),
}

impl Verdict {
    pub(super) fn of(run: &Run, told: bool) -> Self {
        let all = || run.daemons.values().flatten();
        let places = all().flat_map(|sample| &sample.half_places).max();
        Self {
            daemons: run
                .daemons
                .iter()
                .map(|(name, samples)| Judged::of(name, samples))
                .collect(),
            told,
            whole: run.end.is_some(),
            places: (
                places.copied().unwrap_or(0),
                all().map(|sample| sample.leaks).max().unwrap_or(0),
            ),
        }
    }

    pub(super) fn is_good(&self) -> bool {
        self.told && self.whole && self.daemons.iter().all(Judged::is_good)
    }
}

impl Judged {
    fn of(name: &str, samples: &[Sample]) -> Self {
        let trend = |value: fn(&Sample) -> f64| {
            let points: Vec<_> = samples.iter().map(|s| (s.seconds, value(s))).collect();
            Trend::of(&points)
        };
        let cpu_percent = match (samples.first(), samples.last()) {
            (Some(first), Some(last)) => {
                (last.cpu_ticks - first.cpu_ticks) / (last.seconds - first.seconds).max(1.0)
            }
            _ => 0.0,
        };
        let counters = samples.last().map(|last| last.counters.clone());
        let lost = counters.unwrap_or_default().into_iter();
        Self {
            name: name.to_owned(),
            resident: trend(|sample| sample.resident_kib),
            own: trend(|sample| sample.own_kib),
            descriptors: trend(|sample| sample.descriptors),
            cpu_percent,
            lost: lost.filter(|(_, count)| *count > 0).collect(),
        }
    }

    /// No curve rises.
    pub(super) fn is_good(&self) -> bool {
        let flat = |trend: &Option<Trend>| trend.is_some_and(|trend| trend.is_flat(LEAST));
        let same =
            |trend: &Option<Trend>| trend.is_some_and(|trend| trend.last <= trend.first + ONE);
        flat(&self.resident) && flat(&self.own) && same(&self.descriptors)
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.is_good() { "good" } else { "BAD" };
        write!(f, "{mark:<4}  {}:", self.name)?;
        let curves = [("resident", &self.resident), ("own", &self.own)];
        for (what, trend) in curves {
            match trend {
                Some(t) => write!(
                    f,
                    " {what} {:.0} -> {:.0} KiB ({:+.0} ± {:.0} an hour);",
                    t.first, t.last, t.slope, t.error
                )?,
                None => write!(f, " {what}: too few samples;")?,
            }
        }
        if let Some(t) = &self.descriptors {
            write!(f, " descriptors {:.1} -> {:.1};", t.first, t.last)?;
        }
        write!(f, " {:.1} % of a processor; lost: ", self.cpu_percent)?;
        if self.lost.is_empty() {
            return f.write_str("nothing");
        }
        let lost: Vec<_> = self.lost.iter().map(|(n, c)| format!("{c} {n}")).collect();
        f.write_str(&lost.join(", "))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for daemon in &self.daemons {
            writeln!(f, "{daemon}")?;
        }
        let (places, leaks) = self.places;
        writeln!(
            f,
            "      the kernel's table: {places} places at the most, for {leaks} leaks and what was closing"
        )?;
        let told = if self.told && self.whole {
            "good  every leak was told and resolved, and nothing else"
        } else {
            "BAD   a leak was not told or not resolved, or something else was: see above"
        };
        f.write_str(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(own: impl Fn(f64) -> f64, descriptors: impl Fn(f64) -> f64) -> Run {
        let mut lines = Vec::new();
        for step in 1..=240_u32 {
            let time = 5.0 * f64::from(step);
            let line = serde_json::json!({
                "type": "sample", "daemon": "quiet", "seconds": time, "connections": 0, "leaks": 3,
                "resident_kib": 40_000.0, "own_kib": own(time), "descriptors": descriptors(time), "cpu_ticks": time,
                "counters": {"ring_full": 0}, "half_places": [4],
            });
            lines.push(line.to_string());
        }
        let end = serde_json::json!({"type": "end", "connections": 1, "planted": 1, "healed": 1, "seconds": 1200.0});
        lines.push(end.to_string());
        Run::read(&(lines.join("\n") + "\n")).unwrap()
    }

    #[test]
    fn what_stays_is_good_and_what_grows_is_not() {
        let still = run(|_| 2_000.0, |_| 47.0);
        assert!(Verdict::of(&still, true).is_good());
        assert!(!Verdict::of(&still, false).is_good(), "a leak was not told");
        let memory = run(|time| 2_000.0 + time, |_| 47.0);
        assert!(!Verdict::of(&memory, true).is_good());
        let descriptors = run(|_| 2_000.0, |time| 47.0 + time / 100.0);
        assert!(!Verdict::of(&descriptors, true).is_good());
    }

    #[test]
    fn a_soak_without_an_end_is_not_good() {
        let mut broken = run(|_| 2_000.0, |_| 47.0);
        broken.end = None;
        assert!(!Verdict::of(&broken, true).is_good());
    }
}
