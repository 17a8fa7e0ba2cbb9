//! What people want to hear of, and when.

use std::collections::BTreeMap;

use super::people::{Digest, QuietHours};
use super::{Store, StoreError};
use crate::delivery::Channel;
use crate::id::UserId;

/// What a person hears of: per type, each channel on or off.
pub type Switches = BTreeMap<String, BTreeMap<Channel, bool>>;

/// When a person wants to be told. `None` leaves as it is what is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rhythm {
    /// Their IANA time zone.
    pub time_zone: Option<String>,
    /// When push and mail wait; `Some(None)` is never.
    pub quiet_hours: Option<Option<QuietHours>>,
    /// Whether mail is gathered.
    pub digest: Option<Digest>,
    /// From which hour of their day on a digest is sent, from 0 to 23.
    pub digest_hour: Option<i16>,
}

impl Store {
    /// What a person hears of, for every type of the vocabulary and whatever else they have switched off.
    pub async fn switches(&self, user_id: UserId) -> Result<Switches, StoreError> {
        let channels = Channel::ALL.map(Channel::as_str);
        let rows = sqlx::query_file!("src/store/sql/find_switches.sql", user_id.get(), &channels[..] as _)
            .fetch_all(&self.pool)
            .await?;
        let mut switches = Switches::new();
        for row in rows {
            if let Some(channel) = Channel::parse(&row.channel) {
                switches.entry(row.kind).or_default().insert(channel, row.is_on);
            }
        }
        Ok(switches)
    }

    /// Replaces what a person hears of: what is not mentioned is on. Mail that is on is mail that they are subscribed to.
    pub async fn put_switches(&self, user_id: UserId, switches: &Switches) -> Result<(), StoreError> {
        let off = switches.iter().flat_map(|(kind, channels)| {
            channels.iter().filter(|(_, is_on)| !**is_on).map(|(channel, _)| (kind.as_str(), channel.as_str()))
        });
        let (kinds, channels): (Vec<&str>, Vec<&str>) = off.unzip();
        sqlx::query_file!("src/store/sql/put_switches.sql", user_id.get(), &kinds as _, &channels as _)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Changes when a person wants to be told. [`StoreError::Foreign`] where the host keeps contacts.
    pub async fn put_rhythm(&self, user_id: UserId, rhythm: &Rhythm) -> Result<(), StoreError> {
        self.must_keep_contacts().await?;
        let quiet_hours = rhythm.quiet_hours.as_ref().and_then(Option::as_ref);
        sqlx::query_file!(
            "src/store/sql/put_rhythm.sql",
            user_id.get(),
            rhythm.time_zone,
            rhythm.quiet_hours.is_some(),
            quiet_hours.map(|hours| hours.from.as_str()),
            quiet_hours.map(|hours| hours.to.as_str()),
            rhythm.digest.map(Digest::as_str),
            rhythm.digest_hour,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
