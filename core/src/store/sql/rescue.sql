-- Takes expired leases back.
select
    r.channel as "channel!",
    r.rescued as "rescued!",
    r.dead as "dead!"
from eventcenter.rescue($1, $2) as r;
