-- Wakes the workers of these channels, wherever they are.
select pg_notify('eventcenter_due', $1);
