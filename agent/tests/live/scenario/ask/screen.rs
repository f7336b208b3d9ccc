//! Incidents and findings on a terminal.

use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::super::command::output_of;
use super::{Leak, config};
use crate::daemon::EOF_UNREAD;
use crate::setting::setting;
use crate::trial::skip;

/// The screen on a real terminal, driven by its keys.
pub(crate) fn top_on_a_terminal() -> Result<()> {
    if Command::new("tmux").arg("-V").output().is_err() {
        return skip("there is no tmux here");
    }
    let dir = tempfile::tempdir()?;
    let config = config(&dir)?;
    let mut leak = Leak::new()?;
    leak.unread()?;
    thread::sleep(2 * EOF_UNREAD);
    let socket = dir.path().join("tmux");
    let tmux = |arguments: &[&str]| -> Result<String> {
        let output = output_of(Command::new("tmux").arg("-S").arg(&socket).args(arguments))?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let finback = setting().finback.display().to_string();
    let command = format!(
        "{finback} top --no-daemon --config {config} --every 1s pid = {}",
        std::process::id()
    );
    tmux(&[
        "new-session",
        "-d",
        "-s",
        "t",
        "-x",
        "80",
        "-y",
        "24",
        &command,
    ])?;
    let shows = |wanted: &str| -> Result<String> {
        let mut screen = String::new();
        for _ in 0..100 {
            screen = tmux(&["capture-pane", "-p", "-t", "t"])?;
            if screen.contains(wanted) {
                return Ok(screen);
            }
            thread::sleep(Duration::from_millis(100));
        }
        anyhow::bail!("`{wanted}` does not come: {screen}")
    };
    let played = (|| {
        shows("Incidents, by severity")?;
        tmux(&["send-keys", "-t", "t", "a"])?;
        shows("eof_unread")?;
        tmux(&["send-keys", "-t", "t", "Enter"])?;
        shows("has not read the end-of-stream")?;
        tmux(&["resize-window", "-t", "t", "-x", "40", "-y", "10"])?;
        shows("Finding")?;
        tmux(&["send-keys", "-t", "t", "q"])
    })();
    // The server ends with its last session, and with this if something went wrong.
    drop(tmux(&["kill-server"]));
    played.map(drop)
}
