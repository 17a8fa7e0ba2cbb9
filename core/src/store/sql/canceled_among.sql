-- Which of a claimed batch were taken back meanwhile. Nearly always none: the table is small.
select c.event_id from eventcenter.cancellations as c
where c.event_id = any($1);
