//! Storing what services say over HTTP.

use sqlx::types::Json;

use super::{Store, StoreError};
use crate::event::{ChannelHint, NewEvent, PublicId};
use crate::id::EventId;

/// What became of one event of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Stored and planned.
    New,
    /// Its key's event says the same; that one stands.
    Duplicate,
    /// Its key's event says something else; nothing was stored.
    Conflict,
    /// Someone's open transaction is writing its key; nothing was stored. Ask again.
    Busy,
}

/// One event of a batch, stored or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emitted {
    /// What it is called; the key itself for [`Verdict::Conflict`] and [`Verdict::Busy`].
    pub id: PublicId,
    /// What became of it.
    pub verdict: Verdict,
}

impl Store {
    /// Stores a batch in one transaction: events, their deliveries, their places in the streams. Answers in the
    /// batch's order. All or nothing: when the data of one is refused ([`StoreError::is_data`]), none is stored.
    pub async fn emit(&self, batch: &[&NewEvent]) -> Result<Vec<Emitted>, StoreError> {
        fn column<'a, T>(batch: &[&'a NewEvent], field: impl Fn(&'a NewEvent) -> T) -> Vec<T> {
            batch.iter().map(|event| field(event)).collect()
        }
        let channels = column(batch, |event| {
            let names: Vec<&str> = event.channels.as_ref()?.iter().map(|channel| channel.as_str()).collect();
            Some(names.join(","))
        });
        let keys = column(batch, |event| event.key.as_deref());
        let rows = sqlx::query_file!(
            "src/store/sql/emit_batch.sql",
            &keys as _,
            &column(batch, |event| event.user_id.get()),
            &column(batch, |event| event.kind.as_str()) as _,
            &column(batch, |event| event.title.as_str()) as _,
            &column(batch, |event| event.body.as_str()) as _,
            &column(batch, |event| event.level.as_str()) as _,
            &channels as _,
            &column(batch, |event| event.channel_hint.map(ChannelHint::as_str)) as _,
            &column(batch, |event| event.cta.as_ref().map(Json)) as _,
            &column(batch, |event| event.data.as_ref().map(Json)) as _,
            &column(batch, |event| event.deliver_at.map(|at| at.to_string())) as _,
            &column(batch, |event| event.expires_at.map(|at| at.to_string())) as _,
            &column(batch, |event| event.collapse_key.as_deref()) as _,
        )
        .fetch_all(&self.pool)
        .await?;

        let mut emitted: Vec<Option<Emitted>> = vec![None; batch.len()];
        for row in rows {
            let index = usize::try_from(row.ord - 1).unwrap_or(usize::MAX);
            let key = keys.get(index).copied().flatten();
            let verdict = match row.verdict.as_str() {
                "new" => Verdict::New,
                "duplicate" => Verdict::Duplicate,
                "conflict" => Verdict::Conflict,
                _ => Verdict::Busy,
            };
            let id = match (key, row.id) {
                (Some(key), _) => PublicId::Key(key.to_owned()),
                (None, Some(id)) => PublicId::Id(EventId::from_row(id)),
                (None, None) => return Err(missing("an id")),
            };
            if let Some(slot) = emitted.get_mut(index) {
                *slot = Some(Emitted { id, verdict });
            }
        }
        emitted.into_iter().collect::<Option<Vec<_>>>().ok_or_else(|| missing("a verdict"))
    }
}

fn missing(what: &str) -> StoreError {
    StoreError::Failed(sqlx::Error::Protocol(format!("emit_batch left out {what}")))
}
