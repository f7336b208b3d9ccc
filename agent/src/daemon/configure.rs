//! What another configuration changes in what the daemon does.

use std::sync::Arc;

use finback_core::input::Input;

use super::settings;
use super::work::Work;
use crate::config::Config;
use crate::metrics::Source;

impl Work {
    /// Has metrics of whoever reads the feed for the daemon now.
    pub(super) fn count_readers(&mut self) {
        let history = self.history.clone().map(source);
        let exporters = self.exporters.clone().map(source);
        let remedies = self.remedies.clone().map(source);
        self.scrapes.sources = [history, exporters, remedies]
            .into_iter()
            .flatten()
            .collect();
    }

    /// Another configuration, as far as it can be had without a restart.
    pub(super) fn configure(&mut self, config: &Config) {
        let now = self.kernel.now();
        let settings = settings::engine(config, self.kernel.report(), now);
        let settings = Input::Settings(Box::new(settings));
        self.engine.apply(&settings, now);
        self.states = settings::Stream::of(config);
        self.adjust();
    }
}

fn source(counts: impl Source + 'static) -> Arc<dyn Source> {
    Arc::new(counts)
}
