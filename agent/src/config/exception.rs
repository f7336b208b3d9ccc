//! `[[override]]`: settings of particular processes, control groups or ports.

use super::field::{integer, level, per_verdict, threshold};
use super::incident;
use super::wrong::{Key, Value, Wrong};
use finback_core::settings::exception::{Exception, GroupPattern};

const KEYS: &[&str] = &[
    "cgroup",
    "incidents",
    "port",
    "process",
    "severities",
    "thresholds",
];

/// Longest name that the kernel keeps of an executable (`TASK_COMM_LEN` less the zero).
const COMM_LEN: usize = 15;

/// All sections of this name.
pub(super) fn exceptions(key: &Key<'_>, value: &Value<'_>) -> Result<Vec<Exception>, Wrong> {
    let sections = value.get_ref().as_array();
    let sections = sections.ok_or_else(|| Wrong::value(key, value, HELP))?;
    sections
        .iter()
        .map(|section| exception(key, section))
        .collect()
}

const HELP: &str = "use one or more sections [[override]], each with process, cgroup or port";

fn exception(key: &Key<'_>, section: &Value<'_>) -> Result<Exception, Wrong> {
    let table = section.get_ref().as_table();
    let table = table.ok_or_else(|| Wrong::value(key, section, HELP))?;
    let mut exception = Exception::default();
    for (key, value) in table {
        match &**key.get_ref() {
            "cgroup" => exception.cgroup = Some(cgroup(key, value)?),
            "incidents" => exception.incidents = incident::some(key, value)?,
            "port" => exception.port = Some(port(key, value)?),
            "process" => exception.process = Some(process(key, value)?),
            "severities" => exception.severities = per_verdict(key, value, level)?,
            "thresholds" => exception.thresholds = per_verdict(key, value, threshold)?,
            _ => return Err(Wrong::unknown(key, "key", KEYS.iter().copied())),
        }
    }
    if exception.port.is_none() && exception.process.is_none() && exception.cgroup.is_none() {
        return Err(Wrong::value(key, section, HELP));
    }
    Ok(exception)
}

fn cgroup(key: &Key<'_>, value: &Value<'_>) -> Result<GroupPattern, Wrong> {
    let path = value.get_ref().as_str();
    path.and_then(GroupPattern::new).ok_or_else(|| {
        let help = "use the path after 0:: in /proc/PID/cgroup, such as \"/system.slice/shop.service\", or its \
                    beginning and *";
        Wrong::value(key, value, help)
    })
}

fn port(key: &Key<'_>, value: &Value<'_>) -> Result<u16, Wrong> {
    let number = integer(value).and_then(|number| u16::try_from(number).ok());
    number
        .filter(|&number| number > 0)
        .ok_or_else(|| Wrong::value(key, value, "use a local port from 1 to 65535"))
}

fn process(key: &Key<'_>, value: &Value<'_>) -> Result<String, Wrong> {
    let name = value.get_ref().as_str();
    name.filter(|name| (1..=COMM_LEN).contains(&name.len()))
        .map(str::to_owned)
        .ok_or_else(|| {
            let help = "use the executable's name as in /proc/PID/comm, at most 15 bytes";
            Wrong::value(key, value, help)
        })
}
