-- The catalog: every version of every playbook, kept for ever as it was sent. An execution names its
-- entry by catalog_id, so an entry never changes and may be cached anywhere without asking again.

create table noetl.catalog (
  catalog_id bigint primary key,
  path text not null,
  version integer not null,
  kind text not null,
  content text not null,
  -- sha-256 of the content: the same content again is the same version again
  digest text not null,
  -- the content as parsed; the evaluator compiles it in memory, so its inner form may change freely
  payload jsonb not null,
  layout jsonb,
  meta jsonb not null default '{}',
  created_at timestamptz not null default now(),
  constraint catalog_path_version_key unique (path, version),
  constraint catalog_path_length check (length(path) between 1 and 512),
  constraint catalog_version_positive check (version > 0)
);

-- GET /api/catalog/list: newest first, by page
create index catalog_newest on noetl.catalog (kind, catalog_id desc);
