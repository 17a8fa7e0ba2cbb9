-- One keeper in the whole installation. Held by the session, so it ends with its process.
select pg_try_advisory_lock(hashtextextended('eventcenter.keeper', 0)) as "held!";
