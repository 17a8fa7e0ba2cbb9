-- Puts the mark $2 on the entries of $1 with the events $3, or the keys $4; $5 is a snooze's end.
select
    m.changed as "changed!",
    m.unread as "unread!",
    m.unseen as "unseen!"
from eventcenter.mark_entries($1, $2, $3, $4, $5::text::timestamptz) as m;
