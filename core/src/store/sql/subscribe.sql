-- Stores a browser, moves it to whoever subscribed with it last, or lets it take the place of an old one.
select
    s.verdict as "verdict!",
    s.id,
    s.needs_resubscribe
from eventcenter.subscribe($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) as s;
