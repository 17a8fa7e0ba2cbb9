//! Events that ask, and what people answer.

use jiff::Timestamp;
use jiff_sqlx::Timestamp as SqlTimestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Store, StoreError};
use crate::event::PlannedEvent;
use crate::id::{EventId, UserId};

/// One test of their own channels in so many seconds, for each person …
const LOOPBACK_EVERY_S: f64 = 10.0;
/// … or so many at once after a pause: 6 a minute. A further one is refused.
const LOOPBACK_BURST: f64 = 6.0;

/// What asks a person under some name.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The newest event of that name.
    pub planned: PlannedEvent,
    /// Whether its `expires_at` has passed.
    pub is_expired: bool,
    /// What they answered, be it to an earlier event of that name.
    pub answer: Option<Answer>,
}

/// What a person says to an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The value of one of its options.
    Option(String),
    /// In their own words, where it has none.
    Text(String),
}

/// What a person has answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Answer {
    /// The event that they answered.
    pub event_id: String,
    /// What they said.
    #[serde(flatten)]
    pub reply: Reply,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub answered_at: Timestamp,
}

/// What became of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It stands.
    Now(Answer),
    /// This one, which was there before, stands.
    Before(Answer),
    /// It came too late.
    Expired,
}

impl Store {
    /// What asks this person under that name; `None` if nothing does.
    pub async fn find_action(&self, user_id: UserId, action_id: &str) -> Result<Option<Asked>, StoreError> {
        let found = sqlx::query_file!("src/store/sql/find_action.sql", user_id.get(), action_id)
            .fetch_optional(&self.pool)
            .await?;
        let Some(found) = found else { return Ok(None) };
        let id = EventId::from_row(found.event_id);
        let Some(planned) = self.planned_events(&[id]).await?.remove(&id) else { return Ok(None) };
        let is_expired = planned.event.expires_at.is_some_and(|expires_at| expires_at <= found.now.to_jiff());
        let answer = self.find_answer(user_id, action_id).await?;
        Ok(Some(Asked { planned: *planned, is_expired, answer }))
    }

    /// Who is asked under that name, `user_id` alone if given: at most `limit` people, in the order of their ids.
    pub async fn people_of_action(
        &self,
        action_id: &str,
        user_id: Option<UserId>,
        limit: i64,
    ) -> Result<Vec<UserId>, StoreError> {
        let user_id = user_id.map(UserId::get);
        let people = sqlx::query_file_scalar!("src/store/sql/people_of_action.sql", action_id, user_id, limit)
            .fetch_all(&self.pool)
            .await?;
        Ok(people.into_iter().map(UserId::from_row).collect())
    }

    /// What this person has answered under that name.
    pub async fn find_answer(&self, user_id: UserId, action_id: &str) -> Result<Option<Answer>, StoreError> {
        let found = sqlx::query_file!("src/store/sql/find_answer.sql", user_id.get(), action_id)
            .fetch_optional(&self.pool)
            .await?;
        found.map(|row| answer(row.event_id, row.option, row.text, row.answered_at)).transpose()
    }

    /// Answers `event` for this person, unless it is answered or expired: the first answer stands. Their sessions are
    /// told, and whoever waits for the answer is woken.
    pub async fn answer(
        &self,
        user_id: UserId,
        action_id: &str,
        event: EventId,
        reply: &Reply,
    ) -> Result<Answered, StoreError> {
        let (option, text) = match reply {
            Reply::Option(value) => (Some(value), None),
            Reply::Text(text) => (None, Some(text)),
        };
        let row = sqlx::query_file!(
            "src/store/sql/answer.sql",
            user_id.get(),
            action_id,
            event.uuid(),
            option.map(String::as_str),
            text.map(String::as_str),
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(Answered::Expired) };
        let standing = answer(row.event_id, row.option, row.text, row.answered_at)?;
        Ok(if row.is_new { Answered::Now(standing) } else { Answered::Before(standing) })
    }

    /// Lets one more test of this person's channels in; whether it is within 6 a minute, over all processes.
    pub async fn admit_loopback(&self, user_id: UserId) -> Result<bool, StoreError> {
        let admitted =
            sqlx::query_file!("src/store/sql/admit_loopback.sql", user_id.get(), LOOPBACK_EVERY_S, LOOPBACK_BURST)
                .fetch_optional(&self.pool)
                .await?;
        Ok(admitted.is_some())
    }
}

fn answer(
    event_id: String,
    option: Option<String>,
    text: Option<String>,
    answered_at: SqlTimestamp,
) -> Result<Answer, StoreError> {
    let reply = option.map(Reply::Option).or_else(|| text.map(Reply::Text));
    let reply = reply.ok_or_else(|| StoreError::Failed(sqlx::Error::Protocol("an answer says nothing".to_owned())))?;
    Ok(Answer { event_id, reply, answered_at: answered_at.to_jiff() })
}
