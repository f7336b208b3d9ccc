//! One guest from its file system to its result.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use crate::timing::{Follower, Source};
use crate::vm::{
    debian::{kernel::Kernel, platform::Platform, tools::Tools},
    image::initramfs::{self, Base, GuestFile, Step},
    output,
};

use super::{
    Accel, End, Machine,
    protocol::Event,
    score::{Outcome, Score},
};

/// Lines of the kernel's log that are shown when a guest has died.
const TAIL: usize = 40;
/// That are looked at for them.
const TAIL_BYTES: usize = 64 << 10;

/// A guest that has everything to be booted.
#[derive(Debug)]
pub(crate) struct Guest {
    /// Prefix of its output; empty for none.
    pub(crate) label: String,
    pub(crate) tools: Tools,
    pub(crate) platform: Platform,
    pub(crate) kernel: Kernel,
    pub(crate) base: Base,
    pub(crate) files: Vec<GuestFile>,
    pub(crate) steps: Vec<Step>,
    /// For the file system, which lives as long as the guest.
    pub(crate) dir: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) accel: Accel,
    pub(crate) cpus: u32,
    pub(crate) memory_mib: u32,
    pub(crate) timeout: Duration,
}

impl Guest {
    /// Boots, shows the output, counts.
    pub(crate) fn run(&self) -> Result<Outcome> {
        let start = Instant::now();
        let initramfs = initramfs::write(
            &self.dir,
            &self.tools,
            &self.platform,
            &self.base,
            &self.kernel,
            &self.files,
            &self.steps,
        )
        .with_context(|| format!("cannot make the guest {}", self.kernel.version))?;
        let machine = Machine {
            tools: &self.tools,
            image: &self.kernel.image(),
            initramfs: &initramfs.path(),
            console: &self.log,
            accel: self.accel,
            cpus: self.cpus,
            memory_mib: self.memory_mib,
            timeout: self.timeout,
        };
        let mut score = Score::new(&self.steps);
        let mut watches = self.watches();
        let end = machine.run(|event| self.see(event, &mut score, &mut watches))?;
        let steps = score.of_steps(end);
        for (step, result) in self.steps.iter().zip(&steps) {
            if step.is_test {
                output::note(&format!("{} {}: {result}", self.label, step.label));
            }
        }
        let outcome = Outcome::of_all(steps);
        self.report(end, outcome, start.elapsed());
        Ok(outcome)
    }

    fn see(&self, event: &Event<'_>, score: &mut Score<'_>, watches: &mut [Follower]) {
        match event {
            Event::Output(step, lines) => {
                for line in lines {
                    output::line(&self.label_of(*step), line);
                    score.line(*step, line);
                    if let Some(watch) = watches.get_mut(*step) {
                        watch.line(line);
                    }
                }
            }
            Event::Exit(step, code) => score.exit(*step, *code),
            Event::Silence(time) => {
                let silent = time.as_secs();
                output::note(&format!("{}: no word for {silent} s", self.label));
            }
            Event::End | Event::Nothing => {}
        }
    }

    /// For the tests of each step.
    fn watches(&self) -> Vec<Follower> {
        let watch = |step: &Step| {
            let label = format!("{} {}", self.label, step.label);
            Follower::start(&label, Source::between_lines(step.in_a_row))
        };
        self.steps.iter().map(watch).collect()
    }

    fn label_of(&self, step: usize) -> String {
        match self.steps.get(step) {
            Some(step) if !step.label.is_empty() => format!("{} {}", self.label, step.label),
            _ => self.label.clone(),
        }
    }

    fn report(&self, end: End, outcome: Outcome, took: Duration) {
        let version = &self.kernel.version;
        let how = match end {
            End::Done => format!("ended with code {}", outcome.code),
            End::TimedOut => format!(
                "was killed after {} s, before its last step was done",
                self.timeout.as_secs()
            ),
            End::TooLoud => "was killed: its kernel did not stop talking".into(),
            End::Died => "died".into(),
        };
        output::note(&format!("{version}: {how} ({:.1} s)", took.as_secs_f64()));
        if end != End::Done {
            output::note(&format!("{version}: its console's last lines:"));
            for line in tail(&self.log) {
                output::note(&format!("{version}: {line}"));
            }
        }
    }
}

fn tail(log: &Path) -> Vec<String> {
    let bytes = fs::read(log).unwrap_or_default();
    let bytes = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let from = lines.len().saturating_sub(TAIL);
    lines[from..]
        .iter()
        .map(|line| (*line).to_owned())
        .collect()
}
