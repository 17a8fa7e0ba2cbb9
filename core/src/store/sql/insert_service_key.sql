-- Stores a new service key's hash.
insert into eventcenter.service_keys (name, prefix, hash)
values ($1, $2, $3)
returning id;
