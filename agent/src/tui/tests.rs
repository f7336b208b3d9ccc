//! What is drawn for what was found and typed.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::output::samples;

fn found() -> Data {
    let mut data = Data {
        source: "one look, without a daemon".to_owned(),
        ..Data::default()
    };
    for (_, event) in samples::wire() {
        data.add(&event);
    }
    data.sort();
    data
}

fn press(app: &mut App, keys: &[KeyCode]) {
    for key in keys {
        app.key(KeyEvent::new(*key, KeyModifiers::NONE));
    }
}

fn screen(app: &mut App, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(app, frame)).unwrap();
    terminal.backend().to_string()
}

fn app() -> App {
    let mut app = App::default();
    app.take(Ok(found()));
    app
}

#[test]
fn incidents_come_first_and_lead_to_their_connections_and_to_what_is_known_of_one() {
    let mut app = app();
    let first = screen(&mut app, 80, 24);
    assert!(first.contains("Incidents, by severity"), "{first}");
    press(&mut app, &[KeyCode::Char('a')]);
    let connections = screen(&mut app, 80, 24);
    assert!(
        connections.contains("Connections, by severity"),
        "{connections}"
    );
    press(&mut app, &[KeyCode::Enter]);
    let detail = screen(&mut app, 80, 24);
    assert!(detail.contains("Finding "), "{detail}");
    assert!(detail.contains("python3"), "{detail}");
    press(&mut app, &[KeyCode::Esc, KeyCode::Esc]);
    assert_eq!(screen(&mut app, 80, 24), first);
}

#[test]
fn a_screen_of_any_size_is_drawn() {
    let mut app = app();
    for (width, height) in [(1, 1), (10, 3), (40, 10), (80, 24), (300, 100)] {
        for key in ["", "a", "\n", "?", "x"] {
            for c in key.chars() {
                let code = if c == '\n' {
                    KeyCode::Enter
                } else {
                    KeyCode::Char(c)
                };
                press(&mut app, &[code]);
            }
            screen(&mut app, width, height);
        }
    }
}

#[test]
fn a_search_shows_only_what_it_finds_and_escape_clears_it() {
    let mut app = app();
    let all = app.causes().len();
    press(&mut app, &[KeyCode::Char('/')]);
    press(
        &mut app,
        &"no such program"
            .chars()
            .map(KeyCode::Char)
            .collect::<Vec<_>>(),
    );
    assert_eq!(app.causes().len(), 0);
    let text = screen(&mut app, 80, 24);
    assert!(text.contains("/no such program_"), "{text}");
    press(&mut app, &[KeyCode::Esc]);
    assert_eq!(app.causes().len(), all);
}

#[test]
fn while_it_holds_still_nothing_changes_and_what_went_wrong_is_said() {
    let mut app = app();
    press(&mut app, &[KeyCode::Char('p')]);
    app.take(Ok(Data::default()));
    assert_ne!(app.causes().len(), 0);
    app.take(Err("the daemon has gone".to_owned()));
    assert!(screen(&mut app, 100, 24).contains("the daemon has gone"));
    press(&mut app, &[KeyCode::Char('p')]);
    assert!(app.wants_a_look());
}

#[test]
fn q_and_control_c_end_it_but_not_while_searching() {
    let mut app = app();
    press(&mut app, &[KeyCode::Char('/'), KeyCode::Char('q')]);
    assert!(!app.has_ended());
    press(&mut app, &[KeyCode::Enter, KeyCode::Char('q')]);
    assert!(app.has_ended());
    let mut app = App::default();
    app.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
    assert!(app.has_ended());
}
