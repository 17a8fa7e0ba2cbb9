-- Lets mail go again.
delete from eventcenter.suppressions as s
where s.id = $1;
