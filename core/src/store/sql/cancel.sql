-- Takes an event back, as far as it still waits.
select
    c.channel as "channel!",
    c.result as "result!"
from eventcenter.cancel($1) as c;
