mod life;
mod many;
mod properties;
mod severity;
mod world;

use self::world::{Told, World, at, body, event, process, told};
use super::*;
use crate::model::event::LostRequest;
use crate::model::finding::{Severity, Verdict, Weight};
use crate::model::incident::{Reason, SeverityChange};
use crate::model::process::Descriptors;
use crate::model::socket::Role;
use crate::settings::incident::IncidentSettings;
