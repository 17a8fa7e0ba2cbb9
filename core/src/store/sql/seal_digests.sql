-- Seals the digests of up to $1 people whose hour has come; answers how many letters that makes.
select eventcenter.seal_digests($1) as "letters!";
