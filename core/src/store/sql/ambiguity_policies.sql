-- What types want when a mail server's last reply was lost. What is not listed is sent again.
select
    t.type as kind,
    t.email_ambiguous
from eventcenter.event_types as t
where t.email_ambiguous <> 'retry';
