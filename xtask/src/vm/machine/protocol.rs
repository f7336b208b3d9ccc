//! The words between guest and host on the second serial line: the guest's init writes a
//! marker with the exit code after each step and one at the end; everything else is output.
//! A marker starts with a newline of its own, so that output without one is not glued to it.

use std::time::Duration;

/// Marker after a step; its exit code follows.
pub(crate) const EXIT: &str = "GUEST-EXIT ";
/// Marker after the last step.
pub(crate) const END: &str = "GUEST-END";

/// What a line of the guest means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// Output of the step with this index; lines to show, in order.
    Output(usize, Vec<&'a str>),
    /// The step with this index ended with this code.
    Exit(usize, u8),
    End,
    /// No line for so long.
    Silence(Duration),
    /// Nothing to show (yet).
    Nothing,
}

/// Reads the guest's lines one by one.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    step: usize,
    /// An empty line may belong to a marker: it is held back until the next line tells.
    blank: bool,
}

impl Reader {
    pub(crate) fn feed<'a>(&mut self, line: &'a str) -> Event<'a> {
        let line = line.trim_end_matches(['\r', '\n']);
        if line == END {
            return Event::End;
        }
        if let Some(code) = line.strip_prefix(EXIT).and_then(|code| code.parse().ok()) {
            self.blank = false;
            self.step += 1;
            return Event::Exit(self.step - 1, code);
        }
        let held = std::mem::replace(&mut self.blank, line.is_empty());
        let mut lines = Vec::new();
        if held {
            lines.push("");
        }
        if !line.is_empty() {
            lines.push(line);
        }
        if lines.is_empty() {
            Event::Nothing
        } else {
            Event::Output(self.step, lines)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_gets_its_output_and_its_code() {
        let mut reader = Reader::default();
        assert_eq!(reader.feed("hello\r\n"), Event::Output(0, vec!["hello"]));
        assert_eq!(reader.feed("\n"), Event::Nothing);
        assert_eq!(reader.feed("GUEST-EXIT 101\n"), Event::Exit(0, 101));
        assert_eq!(reader.feed("again"), Event::Output(1, vec!["again"]));
        assert_eq!(reader.feed("GUEST-EXIT 0"), Event::Exit(1, 0));
        assert_eq!(reader.feed(""), Event::Nothing);
        assert_eq!(reader.feed("GUEST-END"), Event::End);
    }

    #[test]
    fn blank_lines_of_the_program_survive() {
        let mut reader = Reader::default();
        assert_eq!(reader.feed(""), Event::Nothing);
        assert_eq!(reader.feed(""), Event::Output(0, vec![""]));
        assert_eq!(reader.feed("x"), Event::Output(0, vec!["", "x"]));
    }

    #[test]
    fn a_marker_in_the_middle_of_a_line_is_output() {
        let mut reader = Reader::default();
        let line = "echo GUEST-EXIT 0";
        assert_eq!(reader.feed(line), Event::Output(0, vec![line]));
        assert_eq!(
            reader.feed("GUEST-EXIT x"),
            Event::Output(0, vec!["GUEST-EXIT x"])
        );
    }

    #[test]
    fn the_guest_s_init_speaks_these_words() {
        let init = include_str!("../image/steps.sh");
        assert!(init.contains(&format!("printf '\\n{EXIT}%s\\n'")));
        assert!(init.contains(&format!("printf '\\n{END}\\n'")));
    }
}
