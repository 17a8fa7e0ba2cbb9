-- The two statements that a delivery costs, a batch of 500 at a time, as the worker calls them.
select
    lease_id as lease,
    event_ids::text as ids
from eventcenter.claim('push', false, 'pgbench', 500, '-infinity', interval '30 s')
\gset
select * from eventcenter.settle(
    :lease, 'pgbench', 'push',
    :ids::uuid[], array_fill(1, array[500]), array_fill(null::double precision, array[500]),
    :ids::uuid[], array_fill(''::text, array[500]), array_fill('sent'::text, array[500]),
    array_fill(null::text, array[500]), array_fill(null::text, array[500]),
    array_fill(0, array[500]), array_fill(1::smallint, array[500])
);
