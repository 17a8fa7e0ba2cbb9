-- The two statements that a delivery costs, a batch of 500 at a time, as the worker calls them: each claim begins behind the
-- one before. One statement has filled the table, so that the last of a batch in the table is the last in the queue.
select
    lease_id as lease,
    event_ids::text as ids,
    due_at[500] as due,
    event_ids[500] as last
from eventcenter.claim('push', false, 'pgbench', 500, interval '30 s', :due::timestamptz, :last::uuid)
\gset
select * from eventcenter.settle(
    :lease, 'pgbench', 'push',
    :ids::uuid[], array_fill(1, array[500]), array_fill(null::double precision, array[500]),
    :ids::uuid[], array_fill(''::text, array[500]), array_fill('sent'::text, array[500]),
    array_fill(null::text, array[500]), array_fill(null::text, array[500]),
    array_fill(0, array[500]), array_fill(1::smallint, array[500])
);
