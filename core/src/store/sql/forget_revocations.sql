-- Forgets what no living token can be older than: revocations of $1 seconds ago and earlier.
delete from eventcenter.revocations as r
where r.at < clock_timestamp() - make_interval(secs => $1);
