-- Puts the mark $2 on up to $4 entries of $1 at the number $3 or below it.
select
    m.changed as "changed!",
    m.unread as "unread!",
    m.unseen as "unseen!"
from eventcenter.mark_up_to($1, $2, $3, $4) as m;
