//! What this process itself costs, under the names that every exporter has for it.

use std::fs;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::family::{Family, Kind, Labels, Unit};
use super::kit::{gauge, number, time};
use crate::output::clock::WallClock;
use crate::process;

/// As the kernel accounts it now. What it does not say is left out.
pub fn families(clock: WallClock) -> Vec<Family> {
    let cpu = time(
        "process_cpu",
        "Processor time of finback, user and system, all threads",
        cpu(),
    );
    let mut all = vec![cpu];
    if let Some((size, resident)) = memory() {
        let bytes = |name, help, value: u64| {
            let family = Family::new(name, Kind::Gauge, help).unit(Unit::Bytes);
            family.with(Labels::new(), number(value))
        };
        all.push(bytes(
            "process_resident_memory",
            "Memory of finback that is in RAM",
            resident,
        ));
        all.push(bytes(
            "process_virtual_memory",
            "Address space of finback",
            size,
        ));
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // One of them reads the folder.
        let open = open.count().saturating_sub(1);
        all.push(gauge(
            "process_open_fds",
            "Descriptors of finback",
            number(open as u64),
        ));
    }
    if let Some(limit) = getrlimit(Resource::Nofile).current {
        let help = "How many descriptors finback may have";
        all.push(gauge("process_max_fds", help, number(limit)));
    }
    if let Some(birth) = process::birth(std::process::id()) {
        let start = Duration::from_nanos(clock.at(birth.start).as_unix_nanos());
        let family = Family::new(
            "process_start_time",
            Kind::Gauge,
            "When finback started, seconds since 1970",
        );
        let family = family.unit(Unit::Seconds);
        all.push(family.with(Labels::new(), start.as_secs_f64()));
    }
    all
}

fn cpu() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(spent).unwrap_or_default()
}

/// Size and resident size, bytes.
fn memory() -> Option<(u64, u64)> {
    let memory = procfs::process::Process::myself().ok()?.statm().ok()?;
    let page = u64::try_from(rustix::param::page_size()).ok()?;
    Some((memory.size * page, memory.resident * page))
}

#[cfg(test)]
mod tests {
    use super::super::family::Value;
    use super::*;

    fn value(name: &str) -> f64 {
        let families = families(WallClock::measure());
        let family = families.iter().find(|family| family.exposed() == name);
        let Value::Number(value) = family.unwrap().points[0].value else {
            panic!("{name}");
        };
        value
    }

    /// User and system time by another way than the one above, seconds.
    fn accounted() -> f64 {
        let stat = procfs::process::Process::myself().unwrap().stat().unwrap();
        number(stat.utime + stat.stime) / number(procfs::ticks_per_second())
    }

    fn is_near(value: f64, kernel: f64) -> bool {
        (value - kernel).abs() <= kernel * 0.05
    }

    #[test]
    fn time_and_memory_are_those_of_the_kernel() {
        // A tick of the kernel's account is 10 ms: enough of them that one does not matter.
        while accounted() < 0.5 {
            std::hint::black_box((0..100_000_u64).sum::<u64>());
        }
        let (before, told, after) = (accounted(), value("process_cpu_seconds_total"), accounted());
        assert!(
            told >= before * 0.95 && told <= after * 1.05,
            "{before} {told} {after}"
        );
        let status = procfs::process::Process::myself()
            .unwrap()
            .status()
            .unwrap();
        let resident = number(status.vmrss.unwrap() * 1024);
        let told = value("process_resident_memory_bytes");
        assert!(is_near(told, resident), "{told} {resident}");
        assert!(value("process_open_fds") < value("process_max_fds"));
    }
}
