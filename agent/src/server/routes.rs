//! Answers requests by the table of paths.

use std::sync::Arc;

use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{ACCEPT, CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::Semaphore;

use super::body::{self, Body, whole};
use super::connections;
use super::explained::{self, Facts, What};
use super::limits::{self, CONNECTIONS, SUBSCRIBERS};
use super::openapi;
use super::parameter::{
    COLLECT, Count, FILTER, FOLLOW, Given, LAST, Lifetimes, Moment, SELECT, SINCE, UNTIL, WHAT,
};
use super::past::{self, Past};
use super::query::{About, Queries};
use super::refused::Refused;
use super::table::{ROUTES, Route, Source};
use super::told;
use crate::filter::Filter;
use crate::history::{Latest, Range};
use crate::metrics::text::Format;
use crate::output::json;
use crate::output::select::{Kind, Selection};

/// Answers the requests of all connections.
#[derive(Clone, Debug)]
pub(super) struct Routes {
    queries: Queries,
    past: Past,
    /// A permit for each subscriber.
    places: Arc<Semaphore>,
    /// Whoever can reach a port may ask.
    open: bool,
    /// A permit for whoever has all that is known put together: one after the other, for it may be much.
    desk: Arc<Semaphore>,
}

impl Routes {
    pub(super) fn new(queries: Queries, past: Past) -> Self {
        Self {
            queries,
            past,
            places: Arc::new(Semaphore::new(SUBSCRIBERS)),
            open: false,
            desk: Arc::new(Semaphore::new(1)),
        }
    }

    /// The same for whoever can reach a port.
    pub(super) fn only_metrics(&self) -> Self {
        Self {
            open: true,
            ..self.clone()
        }
    }

    /// What is served here.
    fn routes(&self) -> impl Iterator<Item = &'static Route> {
        let open = self.open;
        ROUTES.iter().filter(move |route| !open || route.is_open())
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let has_body = !body.is_end_stream();
        drop(body);
        let answer = self.done(&head, has_body).await;
        answer.unwrap_or_else(Refused::into_response)
    }

    async fn done(&self, head: &Parts, has_body: bool) -> Result<Response<Body>, Refused> {
        limits::check(head, has_body)?;
        let path = head.uri.path();
        let route = self.routes().find(|route| route.path == path);
        let route = route.ok_or_else(|| self.unknown(path))?;
        if ![Method::GET, Method::HEAD].contains(&head.method) {
            return Err(not_allowed(&head.method));
        }
        let query = head.uri.query().unwrap_or_default();
        let given = Given::read(query, route.parameters)?;
        let (media, body) = self.body(route, head, &given).await?;
        let mut response = Response::new(body);
        let media = HeaderValue::from_static(media);
        response.headers_mut().insert(CONTENT_TYPE, media);
        Ok(response)
    }

    /// With its media type.
    async fn body(
        &self,
        route: &Route,
        head: &Parts,
        given: &Given<'_>,
    ) -> Result<(&'static str, Body), Refused> {
        let body = match route.source {
            Source::Stream => self.stream(given).await?,
            Source::Daemon(about) => whole(self.document(about, given).await?),
            Source::Pages => whole(self.pages(given).await?),
            Source::Sockets => {
                let shown = self.queries.look().await;
                let filter = given.value::<Filter>(&FILTER)?;
                connections::lines_of(shown.ok_or_else(silent)?, filter)
            }
            Source::Metrics => return self.metrics(head, given).await,
            Source::Alive => whole("ok\n"),
            Source::Schema => whole(text(json::schema().as_value())),
            Source::OpenApi => whole(text(&openapi::document())),
        };
        Ok((route.content.media, body))
    }

    /// In the format that the client reads best.
    async fn metrics(
        &self,
        head: &Parts,
        given: &Given<'_>,
    ) -> Result<(&'static str, Body), Refused> {
        let lifetimes = given.value::<Lifetimes>(&COLLECT)?.is_some();
        let accepted = head.headers.get(ACCEPT);
        let accepted = accepted.and_then(|value| value.to_str().ok());
        let format = Format::accepted(accepted.unwrap_or_default());
        let families = self.queries.metrics(lifetimes).await.ok_or_else(silent)?;
        let text = format.write(families).map_err(|_no_room| silent())?;
        Ok((format.media(), whole(text)))
    }

    fn unknown(&self, path: &str) -> Refused {
        let paths: Vec<_> = self.routes().map(|route| route.path).collect();
        Refused::new(
            StatusCode::NOT_FOUND,
            "unknown_path",
            format!("there is nothing at {path}"),
            format!("there is: {}", paths.join(", ")),
        )
    }

    /// What the daemon says now, or what it has told in the range that is asked for.
    async fn document(&self, about: About, given: &Given<'_>) -> Result<Bytes, Refused> {
        let filter = given.value::<Filter>(&FILTER)?;
        let (range, past) = (range(given)?, past_of(about));
        if let Some((kind, name)) = past.filter(|_| !range.is_none()) {
            let latest = self.latest(range, Selection::of([kind]), None).await?;
            return Ok(told::document(name, &latest, filter.as_ref()));
        }
        let document = self.queries.document(about, filter.map(Arc::new)).await;
        document.ok_or_else(silent)
    }

    async fn latest(
        &self,
        range: Range,
        select: Selection,
        filter: Option<Arc<Filter>>,
    ) -> Result<Latest, Refused> {
        let lines = self.past.read(range, select, filter, None).await;
        told::latest(lines.map_err(|error| past_refused(&error))?).await
    }

    /// Pages about what is known now; if nothing of that is meant, about what the history has.
    async fn pages(&self, given: &Given<'_>) -> Result<Bytes, Refused> {
        let what = Arc::new(given.value::<What>(&WHAT)?.ok_or_else(explained::missing)?);
        let _turn = self.desk.acquire().await;
        let facts = Arc::new(Facts {
            shown: self.queries.look().await.ok_or_else(silent)?,
            open: [
                self.open(About::Findings).await?,
                self.open(About::Incidents).await?,
            ],
        });
        if let Some(pages) = explain(&facts, &what, Latest::default()).await? {
            return Ok(pages);
        }
        let filter = what.past().filter(|_| self.past.is_kept());
        let filter = Arc::new(filter.ok_or_else(explained::nothing)?);
        let both = Selection::of([Kind::Finding, Kind::Incident]);
        let past = self.latest(Range::default(), both, Some(filter)).await?;
        let pages = explain(&facts, &what, past).await?;
        pages.ok_or_else(explained::nothing)
    }

    async fn open(&self, about: About) -> Result<Bytes, Refused> {
        let document = self.queries.document(about, None).await;
        document.ok_or_else(silent)
    }

    /// What the history has of the range that is asked for, then from now on, until the daemon ends or the reader goes.
    async fn stream(&self, given: &Given<'_>) -> Result<Body, Refused> {
        let select = given.value(&SELECT)?.unwrap_or_else(Selection::stream);
        let filter = given.value::<Filter>(&FILTER)?.map(Arc::new);
        let range = range(given)?;
        let follow = given.value(&FOLLOW)?.unwrap_or(range.until.is_none());
        let live = if follow {
            let place = Arc::clone(&self.places).try_acquire_owned();
            let place = place.map_err(|_none| too_many_subscribers())?;
            let begun = self.queries.subscribe(select, filter.clone()).await;
            Some((begun.ok_or_else(silent)?, place))
        } else {
            None
        };
        if follow && range.is_none() {
            return Ok(body::subscription(None, live));
        }
        let begins = live.as_ref().map(|(live, _)| live);
        let before = self.past.read(range, select, filter, begins).await;
        Ok(body::subscription(
            Some(before.map_err(|error| past_refused(&error))?),
            live,
        ))
    }
}

fn range(given: &Given<'_>) -> Result<Range, Refused> {
    Ok(Range {
        since: given.value(&SINCE)?.map(Moment::time),
        until: given.value(&UNTIL)?.map(Moment::time),
        last: given.value(&LAST)?.map(Count::number),
    })
}

/// Lines of which kind a document lists, and by which name.
const fn past_of(about: About) -> Option<(Kind, &'static str)> {
    match about {
        About::Findings => Some((Kind::Finding, "findings")),
        About::Incidents => Some((Kind::Incident, "incidents")),
        About::Status | About::Readiness => None,
    }
}

/// In a thread that may take its time.
async fn explain(
    facts: &Arc<Facts>,
    what: &Arc<What>,
    past: Latest,
) -> Result<Option<Bytes>, Refused> {
    let (facts, what) = (Arc::clone(facts), Arc::clone(what));
    let explained = tokio::task::spawn_blocking(move || facts.explain(&what, &past)).await;
    let explained = explained.map_err(std::io::Error::other).flatten();
    explained.map_err(|error| explained::failed(&error))
}

fn past_refused(error: &past::Error) -> Refused {
    let (status, code, help) = match error {
        past::Error::Off => (
            StatusCode::NOT_FOUND,
            "no_history",
            "start it with --history PATH, or remove `enabled = false` from [history]",
        ),
        past::Error::Busy => (
            StatusCode::SERVICE_UNAVAILABLE,
            "history_busy",
            "try again in a moment",
        ),
        past::Error::History(_) | past::Error::Thread(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "history_unreadable",
            "the daemon's log says more",
        ),
    };
    Refused::new(status, code, error.to_string(), help)
}

/// To a connection for which there is no place, and which ends with this.
pub(super) fn turn_away() -> Response<Body> {
    let refused = Refused::for_now(
        "too_many_connections",
        format!("{CONNECTIONS} connections are being served, which is as many as there may be"),
        "try again, and close connections that are not needed any more",
    );
    let mut response = refused.into_response();
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn text(value: &serde_json::Value) -> Bytes {
    format!("{value:#}\n").into()
}

fn not_allowed(method: &Method) -> Refused {
    Refused::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        format!("{method} is not served: nothing can be changed here"),
        "use GET",
    )
}

fn too_many_subscribers() -> Refused {
    Refused::for_now(
        "too_many_subscribers",
        format!("{SUBSCRIBERS} read the stream, which is as many as may"),
        "end one of them, or let one reader pass the lines on to several",
    )
}

fn silent() -> Refused {
    Refused::for_now(
        "daemon_silent",
        "the daemon does not answer",
        "is it starting, ending or overloaded? try again",
    )
}
