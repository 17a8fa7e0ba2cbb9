-- Redeems a ticket: whoever deletes the row has it, and nobody after them.
delete from eventcenter.tickets as t
where t.hash = $1
returning
    t.user_id,
    t.token_issued_at,
    t.token_ends_at,
    t.expires_at > clock_timestamp() as "is_fresh!";
