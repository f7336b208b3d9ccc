//! The document: what was played, the verdict, and the curves.

use std::fmt::Write as _;

use super::sample::{Run, Sample};
use super::verdict::Verdict;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 160.0;
const MARGIN: f64 = 46.0;

/// `docs/soak.md`.
pub(super) fn document(run: &Run, verdict: &Verdict) -> String {
    let mut text = String::from(
        "# Soak\n\n\
         Written by `cargo xtask soak --write-docs`: two daemons beside a load of short connections, one without a\n\
         subscriber and one that writes a line for each connection, while leaks are planted and healed at random by a real\n\
         program. A leak that is not told by both within its threshold and 10 s, one that is not resolved within 10 s of\n\
         its end, and any other finding end the run as failed.\n\n",
    );
    if let Some(end) = &run.end {
        writeln!(
            text,
            "{:.0} minutes, {} connections ({:.0} a second), {} leaks planted, {} healed.\n",
            end.seconds / 60.0,
            end.connections,
            per_second(end.connections, end.seconds),
            end.planted,
            end.healed
        )
        .unwrap_or_default();
    }
    text += "![resident memory, own memory and descriptors over time](soak.svg)\n\n";
    writeln!(text, "```\n{verdict}\n```\n").unwrap_or_default();
    text += "A curve is flat if its slope, less two standard errors, is below 256 KiB an hour. Slope and error are those of a\n\
             line through the means of twelve stretches of equal length; the first sixth of the time, in which caches fill,\n\
             is left out. *Own* memory is what is neither a file nor the kernel's tables that are mapped.\n";
    text
}

#[expect(clippy::cast_precision_loss, reason = "no count here reaches 2^53")]
fn per_second(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds.max(1.0)
}

/// A curve of one daemon.
type Value = fn(&Sample) -> f64;

/// `docs/soak.svg`: one below the other.
pub(super) fn curves(run: &Run) -> String {
    let all: [(&str, Value); 3] = [
        ("resident memory, MiB", |sample| {
            sample.resident_kib / 1024.0
        }),
        ("own memory, MiB", |sample| sample.own_kib / 1024.0),
        ("descriptors", |sample| sample.descriptors),
    ];
    let height = HEIGHT * 3.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    let mut top = 0.0;
    for (what, value) in all {
        chart(&mut svg, top, what, run, value);
        top += HEIGHT;
    }
    svg += "</svg>\n";
    svg
}

fn chart(svg: &mut String, top: f64, what: &str, run: &Run, value: Value) {
    let all = || run.daemons.values().flatten();
    let most = all().map(value).fold(1.0, f64::max) * 1.1;
    let end = all().map(|sample| sample.seconds).fold(1.0, f64::max);
    let x = |seconds: f64| MARGIN + seconds / end * (WIDTH - 2.0 * MARGIN);
    let y = |value: f64| top + HEIGHT - 24.0 - value / most * (HEIGHT - 48.0);
    let (left, right, base) = (x(0.0), x(end), y(0.0));
    let mut add = |line: String| svg.push_str(&line);
    add(format!(
        "<text x=\"{left}\" y=\"{:.0}\">{what}</text>\n<path d=\"M{left},{base:.1}H{right}\" stroke=\"#999\"/>\n\
         <text x=\"{right}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#666\">{:.0} min</text>\n\
         <text x=\"4\" y=\"{:.1}\" fill=\"#666\">{:.1}</text>\n",
        top + 16.0,
        base + 14.0,
        end / 60.0,
        y(most / 1.1) + 4.0,
        most / 1.1
    ));
    for ((name, samples), colour) in run.daemons.iter().zip(["#1b6ca8", "#c0392b"]) {
        let points: Vec<_> = samples
            .iter()
            .map(|sample| format!("{:.1},{:.1}", x(sample.seconds), y(value(sample))))
            .collect();
        add(format!(
            "<polyline fill=\"none\" stroke=\"{colour}\" points=\"{}\"/>\n",
            points.join(" ")
        ));
        let last = samples.last().map_or(base, |sample| y(value(sample)));
        add(format!(
            "<text x=\"{right}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"{colour}\">{name}</text>\n",
            last - 4.0
        ));
    }
}
