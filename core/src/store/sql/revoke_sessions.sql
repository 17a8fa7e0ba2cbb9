-- Ends what person $1 has open on device $2 (null: on all) by tokens issued until $3 (null: until now).
select eventcenter.revoke_sessions($1, $2, $3::timestamptz) as "not_after!: SqlTimestamp";
