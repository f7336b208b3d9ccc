//! Draws the state.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Clear, Paragraph, Row, Table, TableState, Wrap};

use super::app::{App, Screen};
use super::data::Level;
use super::sheet::Sheet;
use crate::output::table::short;

const KEYS: &str = "⏎ into  esc back  a all  e explain  K kill  / search  p pause  ? help  q quit";

const HELP: &str = "\
↑ ↓ j k        choose, or scroll
⏎ → l          connections of the incident, then all that is known of one
esc ← h        back
a              every finding
e              explain it: all that is known, and what to change
K              destroy its sockets: says first what that would do, and asks
s              sort by severity, connections, age, name
/              show only rows with this in them; esc clears it
p or blank     hold still
r              look now
q              leave

A finding is a connection whose end its application has not noticed. An incident is what
findings have in common: a program, its place, a port. `finback explain ID` says more.";

/// All of it.
pub(super) fn draw(app: &mut App, frame: &mut Frame<'_>) {
    let [head, body, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(header(app, head.width), head);
    match app.screen.clone() {
        Screen::Incidents => incidents(app, frame, body),
        Screen::Findings(_) => findings(app, frame, body),
        Screen::Detail(id) => detail(app, id, frame, body),
    }
    frame.render_widget(footer(app), foot);
    if let Some(lies) = &app.sheet {
        sheet(lies, frame);
    }
}

fn sheet(sheet: &Sheet, frame: &mut Frame<'_>) {
    let (title, text, line, height) = match sheet {
        Sheet::Help => (" Keys ", HELP, 0, 16),
        Sheet::Waiting(what) => (" Wait ", *what, 0, 3),
        Sheet::Page(text, line) => (
            " ↑↓ scroll, other keys close ",
            text.as_str(),
            *line,
            u16::MAX,
        ),
        Sheet::Question(text, line) => (
            " Do it? y yes, ↑↓ scroll, other keys no ",
            text.as_str(),
            *line,
            u16::MAX,
        ),
    };
    let area = inner(frame.area(), 90, height);
    frame.render_widget(Clear, area);
    // Pages have 80 columns, as the smallest terminal has.
    let block = Block::new().borders(Borders::TOP | Borders::BOTTOM);
    let page = Paragraph::new(text)
        .wrap(Wrap { trim: false })
        .scroll((line, 0))
        .block(block.title(title));
    frame.render_widget(page, area);
}

fn inner(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    }
}

/// What is shown, and at the right who was asked and what that costs.
fn header(app: &App, width: u16) -> Line<'static> {
    let data = app.data();
    let count = |level| {
        data.incidents
            .iter()
            .filter(|cause| cause.severity == level)
            .count()
    };
    let left = format!(
        "finback  {} critical  {} warning  {} info  {} findings",
        count(Level::Critical),
        count(Level::Warning),
        count(Level::Info),
        data.findings.len()
    );
    let right = match (&app.trouble, app.paused, &data.cost) {
        (Some(trouble), ..) => trouble.clone(),
        (None, true, _) => "paused".to_owned(),
        (None, false, Some(cost)) => cost.clone(),
        (None, false, None) => data.source.clone(),
    };
    let room = usize::from(width).saturating_sub(left.chars().count() + 2);
    let right: String = right.chars().take(room).collect();
    let gap = usize::from(width).saturating_sub(left.chars().count() + right.chars().count());
    let style = if app.trouble.is_some() {
        Style::new().fg(Color::Red)
    } else {
        Style::new().add_modifier(Modifier::DIM)
    };
    Line::from(vec![
        Span::styled(left, Style::new().add_modifier(Modifier::BOLD)),
        Span::raw(" ".repeat(gap)),
        Span::styled(right, style),
    ])
}

fn footer(app: &App) -> Line<'static> {
    if app.searching || !app.search.is_empty() {
        let cursor = if app.searching { "_" } else { "" };
        return Line::from(format!("/{}{cursor}", app.search));
    }
    Line::from(KEYS).style(Style::new().add_modifier(Modifier::DIM))
}

fn incidents(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let causes = app.causes();
    if causes.is_empty() {
        return frame.render_widget(nothing(app), area);
    }
    let rows = causes.iter().map(|cause| {
        Row::new([
            cause.severity.name().to_owned(),
            cause.connections.to_string(),
            cause.oldest.map(short).unwrap_or_default(),
            cause.port.clone(),
            place(&cause.program, &cause.workload),
            cause.growth.clone(),
        ])
        .style(color(cause.severity))
    });
    let widths = [
        Constraint::Length(8),
        Constraint::Length(5),
        Constraint::Length(7),
        Constraint::Length(9),
        Constraint::Fill(3),
        Constraint::Fill(2),
    ];
    let title = format!(" Incidents, by {} ", app.order.name());
    table(
        app,
        Table::new(rows, widths).header(header_row(&[
            "Severity", "Conns", "Oldest", "Port", "Program", "Growth",
        ])),
        title,
        frame,
        area,
    );
}

fn place(program: &str, workload: &str) -> String {
    if workload.is_empty() {
        program.to_owned()
    } else {
        format!("{program} in {workload}")
    }
}

fn findings(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let wrongs = app.wrongs();
    if wrongs.is_empty() {
        return frame.render_widget(nothing(app), area);
    }
    let rows = wrongs.iter().map(|wrong| {
        Row::new([
            wrong.verdict.clone(),
            short(wrong.age),
            wrong.local.clone(),
            wrong.peer.clone(),
            wrong.process.clone(),
        ])
        .style(color(wrong.severity))
    });
    let widths = [
        Constraint::Length(18),
        Constraint::Length(7),
        Constraint::Fill(3),
        Constraint::Fill(3),
        Constraint::Fill(2),
    ];
    let title = format!(" Connections, by {} ", app.order.name());
    table(
        app,
        Table::new(rows, widths)
            .header(header_row(&["Verdict", "Age", "Local", "Peer", "Process"])),
        title,
        frame,
        area,
    );
}

fn header_row<'a>(names: &[&'a str]) -> Row<'a> {
    Row::new(names.to_vec()).style(Style::new().add_modifier(Modifier::UNDERLINED))
}

fn table(app: &App, table: Table<'_>, title: String, frame: &mut Frame<'_>, area: Rect) {
    let table = table
        .block(Block::bordered().title(title))
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let mut state = TableState::default().with_selected(Some(app.selected));
    frame.render_stateful_widget(table, area, &mut state);
}

fn detail(app: &App, id: u64, frame: &mut Frame<'_>, area: Rect) {
    let text = app.finding(id).map_or_else(
        || "It is over: closed, or its process has ended.".to_owned(),
        |wrong| wrong.text.clone(),
    );
    let page = Paragraph::new(text)
        .wrap(Wrap { trim: false })
        .scroll((app.scroll, 0))
        .block(Block::bordered().title(format!(" Finding {id} ")));
    frame.render_widget(page, area);
}

fn nothing(app: &App) -> Paragraph<'static> {
    let text = if !app.has_looked() {
        "Looking …"
    } else if app.search.is_empty() {
        "Nothing: every application has noticed what its peers have ended."
    } else {
        "Nothing has this in it. esc clears the search."
    };
    Paragraph::new(text).block(Block::bordered())
}

const fn color(level: Level) -> Style {
    match level {
        Level::Info => Style::new(),
        Level::Warning => Style::new().fg(Color::Yellow),
        Level::Critical => Style::new().fg(Color::Red),
    }
}
