-- Stores a batch of HTTP emits; one row per event with its verdict: new, duplicate, conflict or busy.
select
    b.ord as "ord!",
    b.id,
    b.verdict as "verdict!"
from eventcenter.emit_batch(
    $1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::jsonb[], $10::jsonb[], $11::text[]::timestamptz[], $12::text[]::timestamptz[], $13::text[]
) as b;
