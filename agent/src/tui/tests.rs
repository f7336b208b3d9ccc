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
    app.take(Answer::Looked(Ok(found())));
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
        for key in ["", "a", "\n", "?", "x", "e", "x", "K"] {
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
    app.take(Answer::Looked(Ok(Data::default())));
    assert_ne!(app.causes().len(), 0);
    app.take(Answer::Looked(Err("the daemon has gone".to_owned())));
    assert!(screen(&mut app, 100, 24).contains("the daemon has gone"));
    press(&mut app, &[KeyCode::Char('p')]);
    assert_eq!(app.wish(), Some(Wish::Look));
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

fn chosen(sockets: usize) -> Answer {
    let page = "1 socket matches".to_owned();
    Answer::Chosen(Ok(DryRun { page, sockets }))
}

#[test]
fn what_is_chosen_is_explained_above_the_list() {
    let mut app = app();
    press(&mut app, &[KeyCode::Char('e')]);
    let Some(Wish::Explain(what)) = app.wish() else {
        panic!("nothing is asked for");
    };
    assert!(what.starts_with("incident:"), "{what}");
    assert!(screen(&mut app, 80, 24).contains("Looking for"));
    let page: Vec<String> = (0..40).map(|line| format!("line {line}")).collect();
    app.take(Answer::Explained(Ok(page.join("\n"))));
    assert!(screen(&mut app, 80, 24).contains("line 0 "));
    press(&mut app, &[KeyCode::PageDown]);
    let down = screen(&mut app, 80, 24);
    assert!(
        down.contains("line 10 ") && !down.contains("line 9 "),
        "{down}"
    );
    press(
        &mut app,
        &[KeyCode::Esc, KeyCode::Char('a'), KeyCode::Char('e')],
    );
    let Some(Wish::Explain(what)) = app.wish() else {
        panic!("nothing is asked for");
    };
    assert!(what.starts_with('#'), "{what}");
}

#[test]
fn nothing_is_destroyed_before_what_it_would_do_was_shown_and_y_was_pressed() {
    for (key, wish) in [
        (KeyCode::Enter, None),
        (KeyCode::Char('n'), None),
        (KeyCode::Esc, None),
        (KeyCode::Char('y'), Some(Wish::Destroy)),
    ] {
        let mut app = app();
        press(&mut app, &[KeyCode::Char('a'), KeyCode::Char('K')]);
        let Some(Wish::Choose(filter)) = app.wish() else {
            panic!("nothing is asked for");
        };
        filter.parse::<crate::filter::Filter>().unwrap();
        press(&mut app, &[KeyCode::Char('y')]);
        assert_eq!(app.wish(), None);
        press(&mut app, &[KeyCode::Char('K')]);
        app.wish();
        app.take(chosen(1));
        let asked = screen(&mut app, 80, 24);
        assert!(
            asked.contains("1 socket matches") && asked.contains("y yes"),
            "{asked}"
        );
        press(&mut app, &[key]);
        assert_eq!(app.wish(), wish, "{key:?}");
    }
    let mut app = app();
    press(
        &mut app,
        &[KeyCode::Char('a'), KeyCode::Char('K'), KeyCode::Char('x')],
    );
    app.wish();
    app.take(chosen(1));
    assert!(
        !screen(&mut app, 80, 24).contains("y yes"),
        "nobody waited for the question"
    );
}

#[test]
fn a_refusal_is_shown_and_cannot_be_answered_with_yes() {
    for answer in [
        chosen(0),
        Answer::Chosen(Err("missing CAP_NET_ADMIN".to_owned())),
    ] {
        let mut app = app();
        press(&mut app, &[KeyCode::Char('a'), KeyCode::Char('K')]);
        app.wish();
        app.take(answer);
        assert!(!screen(&mut app, 80, 24).contains("y yes"));
        press(&mut app, &[KeyCode::Char('y')]);
        assert_eq!(app.wish(), None);
    }
}

#[test]
fn the_sockets_of_an_incident_are_chosen_together() {
    let mut app = app();
    press(&mut app, &[KeyCode::Char('K')]);
    let sockets = app
        .data()
        .findings
        .iter()
        .filter(|wrong| wrong.socket.is_some())
        .count();
    let Some(Wish::Choose(filter)) = app.wish() else {
        panic!("nothing is asked for");
    };
    assert_eq!(filter.matches(" or ").count() + 1, sockets);
    filter.parse::<crate::filter::Filter>().unwrap();
}
