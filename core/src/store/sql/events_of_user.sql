-- A person's history, newest first, below the cursor $3. Served by events_of_user in each partition, newest first,
-- until the limit is reached.
select e.id from eventcenter.events as e
where
    e.user_id = $1
    and ($2::text is null or e.type = $2)
    and e.id < $3
order by e.id desc
limit $4;
