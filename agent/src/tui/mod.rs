//! A live screen: incidents, their connections, and what is known of each.

mod app;
mod data;
mod hands;
mod sheet;
mod view;

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event as Input, KeyEventKind};

pub use self::app::App;
pub use self::data::{Cause, Data, Wrong};
pub use self::hands::{Answer, DryRun, Hands, Wish};

/// A key is answered within so long, and what was found is shown.
const TURN: Duration = Duration::from_millis(100);

/// Shows what `hands` find, again after each `pause`, until somebody has seen enough.
pub fn run(pause: Duration, hands: impl Hands + Send + 'static) -> io::Result<()> {
    let (wishes, asked) = mpsc::channel();
    let (found, answers) = mpsc::channel();
    thread::Builder::new()
        .name("finback-top".into())
        .spawn(move || work(pause, hands, &asked, &found))?;
    let mut terminal = ratatui::try_init()?;
    let done = show(&mut terminal, &wishes, &answers);
    ratatui::try_restore()?;
    done
}

/// Looks as often as it is due, and does what is asked for. Ends with the screen.
fn work(pause: Duration, mut hands: impl Hands, asked: &Receiver<Wish>, answers: &Sender<Answer>) {
    let mut wish = Wish::Look;
    while answers.send(wish.fulfil(&mut hands)).is_ok() {
        wish = match asked.recv_timeout(pause) {
            Ok(wish) => wish,
            Err(RecvTimeoutError::Timeout) => Wish::Look,
            Err(RecvTimeoutError::Disconnected) => return,
        };
    }
}

fn show(
    terminal: &mut ratatui::DefaultTerminal,
    wishes: &Sender<Wish>,
    answers: &Receiver<Answer>,
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
        if let Some(wish) = app.wish()
            && wishes.send(wish).is_err()
        {
            app.take(Answer::Looked(Err("nobody looks any more".to_owned())));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
