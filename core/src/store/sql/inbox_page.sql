-- A page of the inbox of $1 by the filter $2, after the place $3 and number $4, at most $5 entries, and the counts of
-- the same snapshot. One row without an entry when the page is empty; none for whoever never got anything.
select
    p.last_seq as "last_seq!",
    p.unread as "unread!",
    p.unseen as "unseen!",
    p.place,
    p.seq,
    p.event_id,
    p.seen_at as "seen_at: SqlTimestamp",
    p.read_at as "read_at: SqlTimestamp",
    p.archived_at as "archived_at: SqlTimestamp",
    p.snoozed_until as "snoozed_until: SqlTimestamp"
from eventcenter.inbox_page($1, $2, $3, $4, $5) as p;
