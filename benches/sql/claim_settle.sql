-- The two statements that a delivery costs, a batch of :batch at a time, as the worker calls them: each claim begins behind the
-- one before. One statement has filled the table, so that the last of a batch in the table is the last in the queue.
select
    lease_id as lease,
    event_ids::text as ids,
    due_at[:batch::int] as due,
    event_ids[:batch::int] as last
from eventcenter.claim('push', false, 'pgbench', :batch, interval '30 s', :due::timestamptz, :last::uuid)
\gset
select * from eventcenter.settle(
    :lease, 'pgbench', 'push',
    :ids::uuid[], array_fill(1, array[:batch::int]), array_fill(null::double precision, array[:batch::int]),
    :ids::uuid[], array_fill(''::text, array[:batch::int]), array_fill('sent'::text, array[:batch::int]),
    array_fill(null::text, array[:batch::int]), array_fill(null::text, array[:batch::int]),
    array_fill(0, array[:batch::int]), array_fill(1::smallint, array[:batch::int])
);
