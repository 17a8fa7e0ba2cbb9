-- Drops the oldest day past $1 days, if there is one; answers it.
select eventcenter.drop_partition($1)::text as day;
