//! What a run found out: kept as JSON, judged by the budgets, shown as text and as a document.

mod budget;
mod data;
mod document;
mod host;
mod table;

pub(super) use self::{
    data::{Burst, CrowdStep, Loss, Losses, Method, Mode, ProgramCost, Report, Start, Took},
    document::write as write_document,
    host::Host,
    table::print,
};
