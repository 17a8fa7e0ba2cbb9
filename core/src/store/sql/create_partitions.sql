-- Makes the partitions of the next $1 days.
select eventcenter.create_partitions($1) as "made!";
