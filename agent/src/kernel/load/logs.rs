//! Forwards what the kernel programs log (aya-log) to `tracing`.

use aya::Ebpf;
use aya_log::EbpfLogger;
use log::{Level, Log, Metadata, Record};

use super::object::LOG_RING;

/// Hands every line on, with the program's file and line.
pub(in crate::kernel) struct Forward;

impl Log for Forward {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let (line, text) = (record.line(), record.args());
        let file = record.file().unwrap_or_default();
        match record.level() {
            Level::Error => tracing::error!(target: "finback::ebpf", file, line, "{text}"),
            Level::Warn => tracing::warn!(target: "finback::ebpf", file, line, "{text}"),
            Level::Info => tracing::info!(target: "finback::ebpf", file, line, "{text}"),
            Level::Debug => tracing::debug!(target: "finback::ebpf", file, line, "{text}"),
            Level::Trace => tracing::trace!(target: "finback::ebpf", file, line, "{text}"),
        }
    }

    fn flush(&self) {}
}

/// The reader of the log ring, if the object has one and logging is on.
pub(in crate::kernel) fn open(object: &mut Ebpf, level: u8) -> Option<EbpfLogger<Forward>> {
    if level == 0 || object.map(LOG_RING).is_none() {
        return None;
    }
    EbpfLogger::init_with_logger(object, Forward)
        .inspect_err(|error| tracing::warn!(%error, "the kernel programs' log cannot be read"))
        .ok()
}
