//! Sample events, one of each type and language: what templates are tried and shown with.

use std::collections::HashMap;

use eventcenter_core::event::{Cta, Event, Level, PublicId};
use eventcenter_core::id::{EventId, UserId};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::to_raw_value;
use serde_json::{Map, Value};

use super::folder::{FIXTURE, Folder, FolderError};

/// The built-in ones, by type and language.
const BUILTIN: &str = include_str!("builtin/samples.json");

/// The fields of an event that a template may show.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    title: Option<String>,
    body: Option<String>,
    level: Option<Level>,
    cta: Option<Cta>,
    data: Option<Map<String, Value>>,
    expires_at: Option<Timestamp>,
    collapse_key: Option<String>,
}

/// The built-in samples, and an operator's over them.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples(HashMap<String, Sample>);

impl Samples {
    /// With the folder's fixtures.
    pub(super) fn with(folder: &Folder) -> Result<Self, FolderError> {
        let mut samples = HashMap::new();
        for (name, json) in folder.fixtures() {
            let path = || folder.path.join(name).join(FIXTURE);
            let sample = serde_json::from_str(json).map_err(|error| FolderError::Fixture(path(), error))?;
            samples.insert(name.to_owned(), sample);
        }
        Ok(Self(samples))
    }

    /// The sample of `type` or `type+service`. A type without one gets that of `default`.
    pub(super) fn event(&self, name: &str, locale: &str) -> Event {
        let (kind, service) = name.split_once('+').map_or((name, None), |(kind, service)| (kind, Some(service)));
        let layers = [builtin(kind, locale), self.0.get(kind).cloned(), self.0.get(name).cloned()];
        let sample = layers.into_iter().flatten().fold(Sample::default(), Sample::over);
        let mut data = sample.data.unwrap_or_default();
        if let Some(service) = service {
            data.insert("service".to_owned(), service.into());
        }
        let id = EventId::from_row(uuid::Uuid::from_u128(0x01a2_0692_a88e_72f1_824e_a4cc_05cf_f2e1));
        Event {
            id,
            key: PublicId::Id(id),
            user_id: UserId::from_row(42),
            kind: kind.to_owned(),
            title: sample.title.unwrap_or_default(),
            body: sample.body.unwrap_or_default(),
            level: sample.level.unwrap_or_default(),
            cta: sample.cta,
            data: to_raw_value(&data).ok(),
            deliver_at: None,
            expires_at: sample.expires_at,
            collapse_key: sample.collapse_key,
            created_at: Timestamp::constant(1_795_424_400, 0),
        }
    }
}

impl Sample {
    /// What `upper` says goes before what this says, field by field, and so within `data`.
    fn over(self, upper: Self) -> Self {
        let data = match (self.data, upper.data) {
            (Some(mut lower), Some(upper)) => {
                lower.extend(upper);
                Some(lower)
            }
            (lower, upper) => upper.or(lower),
        };
        Self {
            title: upper.title.or(self.title),
            body: upper.body.or(self.body),
            level: upper.level.or(self.level),
            cta: upper.cta.or(self.cta),
            expires_at: upper.expires_at.or(self.expires_at),
            collapse_key: upper.collapse_key.or(self.collapse_key),
            data,
        }
    }
}

fn builtin(kind: &str, locale: &str) -> Option<Sample> {
    let mut types: HashMap<String, HashMap<String, Sample>> = serde_json::from_str(BUILTIN).ok()?;
    let mut languages = types.remove(kind).or_else(|| types.remove("default"))?;
    let language = locale.split('-').next().unwrap_or_default();
    languages.remove(language).or_else(|| languages.remove("en"))
}
