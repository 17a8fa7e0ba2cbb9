-- Who is asked under the name $1: at most $3 people, or $2 alone if given. Served by the primary key, in its order.
select distinct a.user_id from eventcenter.actions as a
where
    a.action_id = $1
    and ($2::bigint is null or a.user_id = $2)
order by a.user_id
limit $3;
