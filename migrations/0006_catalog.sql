-- What lists and searches show of an entry stands in columns of its own, so that they read no payload;
-- and a path can be deleted. Executions refer to entries, so deleting only hides them.

alter table noetl.catalog
  -- the newest version of its path, unless that is deleted
  add column latest boolean not null default false,
  add column deleted_at timestamptz,
  -- drawn by whoever deletes, so that a deletion whose answer was lost is known when it is sent again
  add column deletion_id bigint,
  add column name text not null default '',
  add column description text,
  add column tasks_count integer not null default 0,
  -- path, name and description in lower case: what a search looks through (src/catalog/head.ts)
  add column search text not null default '',
  -- what the entry weighs in a listing
  add column bytes integer generated always as (octet_length(content) + octet_length(payload::text)) stored;

update noetl.catalog c set
  latest = not exists (select from noetl.catalog n where n.path = c.path and n.version > c.version),
  name = left(coalesce(payload->'metadata'->>'name', payload->>'name', substring(path from '[^/]*$')), 256),
  description = left(payload->'metadata'->>'description', 1000),
  tasks_count = jsonb_array_length(case
    when jsonb_typeof(coalesce(payload->'workflow', payload->'steps')) = 'array'
      then coalesce(payload->'workflow', payload->'steps')
    else '[]' end);
update noetl.catalog
  set search = left(lower(concat_ws(e'\n', path, name, description)), 600);

alter table noetl.catalog
  add constraint catalog_deleted_is_not_latest check (not (latest and deleted_at is not null)),
  add constraint catalog_deleted_by_one check ((deleted_at is null) = (deletion_id is null));

-- one latest version of a path; the count of playbooks reads this index alone
create unique index catalog_latest on noetl.catalog (path) include (kind) where latest;

-- GET /api/catalog/playbooks/search: newest first, reading this index alone up to the end of the page.
-- 600 characters are the most that surely fit into an entry of an index.
create index catalog_search on noetl.catalog (catalog_id desc) include (search)
  where latest and kind = 'Playbook';

-- GET /api/catalog/list and /playbooks: newest first, by page
drop index noetl.catalog_newest;
create index catalog_newest on noetl.catalog (kind, catalog_id desc) where deleted_at is null;
