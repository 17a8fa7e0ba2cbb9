-- The event that benches/emit.lua says over HTTP, inserted directly: one a transaction, planned by the same trigger.
\set user random(1, 10000)
insert into eventcenter.events (user_id, type, title, body) values (
    :user, 'job.done', 'Your photo is ready',
    'The photo that you uploaded this morning has been developed and can be downloaded for the next seven days.'
);
