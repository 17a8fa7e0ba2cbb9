//! How far people's devices have got, and where a session may begin.

use super::{Store, StoreError, StreamHead};
use crate::id::{DeviceId, Epoch, Seq, UserId};

/// Devices of a person whose cursors are kept. Beyond that, the one whose cursor has not moved for longest is
/// forgotten: if it comes back without a position, it begins where the furthest other device is.
const DEVICES_MAX: i32 = 64;

/// What is known when a session begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamStart {
    /// In which numbers mean what they mean.
    pub epoch: Epoch,
    /// Where the person's stream stands.
    pub head: StreamHead,
    /// What this device has acknowledged; `None` for a new one.
    pub device: Option<Seq>,
    /// The furthest that any device of the person has acknowledged.
    pub furthest: Option<Seq>,
}

impl Store {
    /// Where sessions of these devices may begin, in their order.
    pub async fn stream_starts(&self, sessions: &[(UserId, DeviceId)]) -> Result<Vec<StreamStart>, StoreError> {
        let users: Vec<i64> = sessions.iter().map(|(user, _)| user.get()).collect();
        let devices: Vec<&str> = sessions.iter().map(|(_, device)| device.as_str()).collect();
        let rows =
            sqlx::query_file!("src/store/sql/stream_starts.sql", &users, &devices as _).fetch_all(&self.pool).await?;
        Ok(rows
            .into_iter()
            .map(|row| StreamStart {
                epoch: Epoch::from_row(&row.epoch),
                head: StreamHead { last: Seq(row.last_seq), trimmed_to: Seq(row.trimmed_to) },
                device: row.device_seq.map(Seq),
                furthest: row.furthest_seq.map(Seq),
            })
            .collect())
    }

    /// Moves devices' cursors forward; what is behind a cursor changes nothing. At most one entry a device.
    pub async fn acknowledge(&self, acks: &[(UserId, DeviceId, Seq)]) -> Result<(), StoreError> {
        let users: Vec<i64> = acks.iter().map(|(user, ..)| user.get()).collect();
        let devices: Vec<&str> = acks.iter().map(|(_, device, _)| device.as_str()).collect();
        let seqs: Vec<i64> = acks.iter().map(|(.., seq)| seq.0).collect();
        sqlx::query_file!("src/store/sql/acknowledge.sql", &users, &devices as _, &seqs, DEVICES_MAX)
            .fetch_one(&self.pool)
            .await?;
        Ok(())
    }
}
