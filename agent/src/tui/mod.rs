//! A live screen: incidents, their connections, and what is known of each.

mod app;
mod data;
mod view;

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event as Input, KeyEventKind};

pub use self::app::App;
pub use self::data::{Cause, Data, Wrong};

/// A key is answered within so long, and what was found is shown.
const TURN: Duration = Duration::from_millis(100);

/// What the screen asks of whoever looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// Look now.
    Look,
}

/// Shows what `look` finds, again after each `pause`, until somebody has seen enough.
pub fn run(
    pause: Duration,
    look: impl FnMut() -> Result<Data, String> + Send + 'static,
) -> io::Result<()> {
    let (orders, asked) = mpsc::channel();
    let (found, answers) = mpsc::channel();
    thread::Builder::new()
        .name("finback-top".into())
        .spawn(move || work(pause, look, &asked, &found))?;
    let mut terminal = ratatui::try_init()?;
    let done = show(&mut terminal, &orders, &answers);
    ratatui::try_restore()?;
    done
}

/// Looks as often as it is due, and when asked. Ends with the screen.
fn work(
    pause: Duration,
    mut look: impl FnMut() -> Result<Data, String>,
    asked: &Receiver<Order>,
    found: &Sender<Result<Data, String>>,
) {
    loop {
        if found.send(look()).is_err() {
            return;
        }
        match asked.recv_timeout(pause) {
            Ok(Order::Look) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn show(
    terminal: &mut ratatui::DefaultTerminal,
    orders: &Sender<Order>,
    answers: &Receiver<Result<Data, String>>,
) -> io::Result<()> {
    let mut app = App::default();
    while !app.has_ended() {
        while let Ok(answer) = answers.try_recv() {
            app.take(answer);
        }
        terminal.draw(|frame| view::draw(&mut app, frame))?;
        if !event::poll(TURN)? {
            continue;
        }
        if let Input::Key(key) = event::read()?
            && key.kind == KeyEventKind::Press
        {
            app.key(key);
        }
        if app.wants_a_look() && orders.send(Order::Look).is_err() {
            app.take(Err("nobody looks any more".to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
