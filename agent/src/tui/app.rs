//! What the screen shows and how keys change it. Pure: it draws nothing and asks nobody.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::data::{Cause, Data, Wrong};
use super::hands::{Answer, Wish};
use super::sheet::Sheet;

/// Where one is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Screen {
    /// All incidents.
    #[default]
    Incidents,
    /// The findings of one, or of all.
    Findings(Option<String>),
    /// All that is known of a finding.
    Detail(u64),
}

/// What lists are ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    /// How bad.
    #[default]
    Severity,
    /// How many connections, or which peer.
    Count,
    /// How old.
    Age,
    /// By name of the program.
    Name,
}

impl Order {
    const fn next(self) -> Self {
        match self {
            Self::Severity => Self::Count,
            Self::Count => Self::Age,
            Self::Age => Self::Name,
            Self::Name => Self::Severity,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Severity => "severity",
            Self::Count => "connections",
            Self::Age => "age",
            Self::Name => "name",
        }
    }
}

/// The screen's state.
#[derive(Clone, Debug, Default)]
pub struct App {
    data: Data,
    pub(super) screen: Screen,
    pub(super) selected: usize,
    pub(super) scroll: u16,
    pub(super) order: Order,
    /// Rows that do not have this in them are not shown.
    pub(super) search: String,
    /// Keys go into the search.
    pub(super) searching: bool,
    pub(super) paused: bool,
    /// Lies above the lists.
    pub(super) sheet: Option<Sheet>,
    pub(super) trouble: Option<String>,
    looked: bool,
    wish: Option<Wish>,
    ended: bool,
}

impl App {
    /// What came of a wish.
    pub fn take(&mut self, answer: Answer) {
        match answer {
            Answer::Looked(found) => self.found(found),
            answer @ (Answer::Explained(_) | Answer::Chosen(_) | Answer::Destroyed(_)) => {
                Sheet::answer(&mut self.sheet, answer);
            }
        }
    }

    /// What a look has found, or why there was none.
    fn found(&mut self, found: Result<Data, String>) {
        match found {
            Ok(_) if self.paused && self.looked => {}
            Ok(data) => {
                self.data = data;
                self.trouble = None;
                self.looked = true;
                self.keep_selection();
            }
            Err(trouble) => self.trouble = Some(trouble),
        }
    }

    /// Somebody wants to leave.
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// What was asked for since the last time.
    pub const fn wish(&mut self) -> Option<Wish> {
        self.wish.take()
    }

    pub(super) const fn data(&self) -> &Data {
        &self.data
    }

    pub(super) const fn has_looked(&self) -> bool {
        self.looked
    }

    /// A key was pressed.
    pub fn key(&mut self, key: KeyEvent) {
        let interrupt = key.modifiers.contains(KeyModifiers::CONTROL);
        if interrupt && key.code == KeyCode::Char('c') {
            self.ended = true;
        } else if self.searching {
            self.type_in(key.code);
        } else if let Some(sheet) = self.sheet.take() {
            (self.sheet, self.wish) = sheet.key(key.code);
        } else {
            self.command(key.code);
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other keys mean nothing")]
    fn type_in(&mut self, key: KeyCode) {
        match key {
            KeyCode::Enter => self.searching = false,
            KeyCode::Esc => {
                self.searching = false;
                self.search.clear();
            }
            KeyCode::Backspace => drop(self.search.pop()),
            KeyCode::Char(c) if self.search.len() < 64 => self.search.push(c),
            _ => {}
        }
        self.keep_selection();
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other keys mean nothing")]
    fn command(&mut self, key: KeyCode) {
        match key {
            KeyCode::Char('q') => self.ended = true,
            KeyCode::Esc | KeyCode::Left | KeyCode::Char('h') => self.back(),
            KeyCode::Enter | KeyCode::Right | KeyCode::Char('l') => self.enter(),
            KeyCode::Down | KeyCode::Char('j') => self.step(1),
            KeyCode::Up | KeyCode::Char('k') => self.step(-1),
            KeyCode::PageDown => self.step(10),
            KeyCode::PageUp => self.step(-10),
            KeyCode::Home | KeyCode::Char('g') => self.step(isize::MIN),
            KeyCode::End | KeyCode::Char('G') => self.step(isize::MAX),
            KeyCode::Char('a') => self.go(Screen::Findings(None)),
            KeyCode::Char('s') => self.order = self.order.next(),
            KeyCode::Char('/') => self.searching = true,
            KeyCode::Char('p' | ' ') => self.pause(),
            KeyCode::Char('r') => self.wish = Some(Wish::Look),
            KeyCode::Char('e') => self.explain(),
            KeyCode::Char('K') => self.kill(),
            KeyCode::Char('?') => self.sheet = Some(Sheet::Help),
            _ => {}
        }
    }

    fn pause(&mut self) {
        self.paused = !self.paused;
        if !self.paused {
            self.wish = Some(Wish::Look);
        }
    }

    /// Asks for a page about what is chosen.
    fn explain(&mut self) {
        let what = match &self.screen {
            Screen::Incidents => {
                let causes = self.causes();
                let cause = causes.get(self.selected);
                cause.map(|cause| format!("incident:{}", cause.id))
            }
            Screen::Findings(_) | Screen::Detail(_) => {
                self.chosen().map(|wrong| format!("#{}", wrong.id))
            }
        };
        if let Some(what) = what {
            self.sheet = Some(Sheet::Waiting("Looking for all that is known of it …"));
            self.wish = Some(Wish::Explain(what));
        }
    }

    /// Asks what it would be to destroy what is chosen.
    fn kill(&mut self) {
        let sockets: Vec<&str> = match &self.screen {
            Screen::Incidents => {
                let causes = self.causes();
                let id = causes.get(self.selected).map(|cause| &cause.id);
                let findings = self.data.findings.iter();
                let ours = findings.filter(|wrong| Some(&wrong.incident) == id);
                ours.filter_map(|wrong| wrong.socket.as_deref()).collect()
            }
            Screen::Findings(_) | Screen::Detail(_) => {
                let wrong = self.chosen();
                let socket = wrong.and_then(|wrong| wrong.socket.as_deref());
                socket.into_iter().collect()
            }
        };
        if !sockets.is_empty() {
            self.wish = Some(Wish::Choose(sockets.join(" or ")));
            self.sheet = Some(Sheet::Waiting("Looking for its sockets …"));
        }
    }

    /// The finding that is chosen or shown.
    fn chosen(&self) -> Option<&Wrong> {
        if let Screen::Detail(id) = self.screen {
            return self.finding(id);
        }
        self.wrongs().get(self.selected).copied()
    }

    fn go(&mut self, screen: Screen) {
        self.screen = screen;
        (self.selected, self.scroll) = (0, 0);
    }

    fn back(&mut self) {
        match std::mem::take(&mut self.screen) {
            Screen::Incidents if self.search.is_empty() => {}
            Screen::Incidents => self.search.clear(),
            Screen::Findings(_) => self.go(Screen::Incidents),
            Screen::Detail(id) => {
                let incident = self.finding(id).map(|wrong| wrong.incident.clone());
                self.go(Screen::Findings(incident));
            }
        }
    }

    fn enter(&mut self) {
        let next = match &self.screen {
            Screen::Incidents => {
                let causes = self.causes();
                let cause = causes.get(self.selected);
                cause.map(|cause| Screen::Findings(Some(cause.id.clone())))
            }
            Screen::Findings(_) => {
                let wrongs = self.wrongs();
                let wrong = wrongs.get(self.selected);
                wrong.map(|wrong| Screen::Detail(wrong.id))
            }
            Screen::Detail(_) => None,
        };
        if let Some(next) = next {
            self.go(next);
        }
    }

    fn step(&mut self, by: isize) {
        if matches!(self.screen, Screen::Detail(_)) {
            let by = i16::try_from(by.clamp(-1_000, 1_000)).unwrap_or(0);
            self.scroll = self.scroll.saturating_add_signed(by);
            return;
        }
        self.selected = self.selected.saturating_add_signed(by);
        self.keep_selection();
    }

    fn keep_selection(&mut self) {
        let rows = match &self.screen {
            Screen::Incidents => self.causes().len(),
            Screen::Findings(_) => self.wrongs().len(),
            Screen::Detail(_) => 0,
        };
        self.selected = self.selected.min(rows.saturating_sub(1));
    }

    /// Incidents that are shown, in order.
    pub(super) fn causes(&self) -> Vec<&Cause> {
        let has = |cause: &&Cause| self.finds(&[&cause.program, &cause.workload, &cause.summary]);
        let mut causes: Vec<&Cause> = self.data.incidents.iter().filter(has).collect();
        causes.sort_by(|one, other| match self.order {
            Order::Severity => other.severity.cmp(&one.severity),
            Order::Count => other.connections.cmp(&one.connections),
            Order::Age => other.oldest.cmp(&one.oldest),
            Order::Name => one.program.cmp(&other.program),
        });
        causes
    }

    /// Findings that are shown, in order.
    pub(super) fn wrongs(&self) -> Vec<&Wrong> {
        let of = match &self.screen {
            Screen::Findings(incident) => incident.as_deref(),
            Screen::Incidents | Screen::Detail(_) => None,
        };
        let ours = |wrong: &&Wrong| of.is_none_or(|incident| wrong.incident == incident);
        let has = |wrong: &&Wrong| {
            self.finds(&[&wrong.process, &wrong.verdict, &wrong.local, &wrong.peer])
        };
        let mut wrongs: Vec<&Wrong> = self.data.findings.iter().filter(ours).filter(has).collect();
        wrongs.sort_by(|one, other| match self.order {
            Order::Severity => other.severity.cmp(&one.severity),
            Order::Count => one.peer.cmp(&other.peer),
            Order::Age => other.age.cmp(&one.age),
            Order::Name => one.process.cmp(&other.process),
        });
        wrongs
    }

    pub(super) fn finding(&self, id: u64) -> Option<&Wrong> {
        self.data.findings.iter().find(|wrong| wrong.id == id)
    }

    fn finds(&self, texts: &[&str]) -> bool {
        let search = self.search.to_lowercase();
        texts
            .iter()
            .any(|text| text.to_lowercase().contains(&search))
    }
}
