-- A path can be deleted. Executions refer to entries, so that hides them only. And what lists show of an
-- entry stands in columns of its own, so that they read no payload.

alter table noetl.catalog
  add column deleted_at timestamptz,
  -- drawn by whoever deletes, so that a deletion whose answer was lost is known when it is sent again
  add column deletion_id bigint,
  -- long ones are cut (src/catalog/head.ts)
  add column name text not null default '',
  add column description text,
  add column tasks_count integer not null default 0,
  -- what the entry weighs in a reply
  add column bytes integer generated always as (octet_length(content) + octet_length(payload::text)) stored,
  add constraint catalog_deleted_by_one check ((deleted_at is null) = (deletion_id is null));

update noetl.catalog set
  name = left(coalesce(payload->'metadata'->>'name', payload->>'name', substring(path from '[^/]*$')), 256),
  description = left(payload->'metadata'->>'description', 1000),
  tasks_count = jsonb_array_length(case
    when jsonb_typeof(coalesce(payload->'workflow', payload->'steps')) = 'array'
      then coalesce(payload->'workflow', payload->'steps')
    else '[]' end);

-- GET /api/catalog/list and /playbooks: newest first, by page
drop index noetl.catalog_newest;
create index catalog_newest on noetl.catalog (kind, catalog_id desc) where deleted_at is null;

-- The latest version of each path that is not deleted: what is counted and searched. A search looks at
-- row after row, newest first, up to the end of its page; so these are short and away from the contents.
create table noetl.catalog_latest (
  path text not null,
  catalog_id bigint not null,
  kind text not null,
  -- path, name and description in lower case
  search text not null,
  constraint catalog_latest_pkey primary key (path)
);

insert into noetl.catalog_latest (path, catalog_id, kind, search)
select distinct on (path) path, catalog_id, kind, lower(concat_ws(e'\n', path, name, description))
from noetl.catalog
order by path, version desc;

create index catalog_latest_newest on noetl.catalog_latest (kind, catalog_id desc);
