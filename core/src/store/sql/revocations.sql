-- What was revoked in the last $1 seconds. An open transaction may hold one back for a while, so readers overlap.
select
    r.user_id,
    r.device,
    floor(extract(epoch from r.not_after))::bigint as "not_after!"
from eventcenter.revocations as r
where r.at >= clock_timestamp() - make_interval(secs => $1);
