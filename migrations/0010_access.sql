-- Who may do what: API keys, what was changed by whom, and runs that are started at most once.

create table noetl.api_key (
  key_id bigint primary key,
  name text not null,
  -- sha-256 of the secret in hex; the secret itself is 256 random bits, shown once and kept nowhere
  digest text not null,
  scopes text[] not null,
  -- only playbooks whose paths begin so; ends with '/'
  path_prefix text,
  expires_at timestamptz,
  -- to the minute
  last_used_at timestamptz,
  created_at timestamptz not null default now(),
  revoked_at timestamptz,
  constraint api_key_name_length check (length(name) between 1 and 128),
  constraint api_key_scopes_known check (cardinality(scopes) > 0 and scopes <@
    array['read', 'run', 'event', 'worker', 'catalog', 'credential', 'hook', 'admin']),
  constraint api_key_prefix_is_folder check (path_prefix ~ '^[^/].*/$'),
  -- who can make keys can make one without a prefix
  constraint api_key_admin_sees_all check (path_prefix is null or not 'admin' = any(scopes))
);
-- two keys of one name could not be told apart, and a request sent twice would leave one that nobody knows
create unique index api_key_name_once on noetl.api_key (name) where revoked_at is null;

-- Changes to keys, hooks, schedules, credentials and catalog, and who read a credential. Only ever inserted,
-- in the statement that makes the change.
create table noetl.audit (
  audit_id bigint primary key,
  created_at timestamptz not null default now(),
  -- 'key:ID', 'jwt:SUBJECT', 'root', 'open', 'cli', 'schedule:ID'
  actor text not null,
  actor_name text not null,
  ip text,
  -- 'key.created', 'credential.read', ...
  action text not null,
  -- what it was done to: 'key:ID', 'credential:NAME', 'playbook:PATH', ...
  subject text not null,
  -- never a secret
  detail jsonb not null default '{}',
  constraint audit_action_form check (action ~ '^[a-z_]+\.[a-z_]+$')
);
create index audit_by_actor on noetl.audit (actor, audit_id desc);
create index audit_by_subject on noetl.audit (subject, audit_id desc);
create index audit_by_action on noetl.audit (action, audit_id desc);

-- Runs asked for with an Idempotency-Key: the key starts one, whoever sends it again gets its answer.
create table noetl.idempotency (
  caller text not null,
  key text not null,
  -- sha-256 of the request: another one under the same key is refused
  fingerprint text not null,
  execution_id bigint not null,
  created_at timestamptz not null default now(),
  constraint idempotency_pkey primary key (caller, key)
);
create index idempotency_oldest on noetl.idempotency (created_at);

-- Indexes of executions are built here, while the old ones answer and everybody reads; 0012 puts them in their place.
-- A key with a path prefix asks for paths that begin so.
create index execution_by_path_prefix on noetl.execution (path text_pattern_ops, execution_id desc);
-- Lists by end go on after a pair of both.
create index execution_ended_paged on noetl.execution (ended_at, execution_id) where ended_at is not null;
-- A key with a path prefix lists the executions of a folder, newest first. Of a first folder, as `team-a/`, this is
-- the list's own order; paths in a range are not in it, and a team that has rested would be looked for among all
-- that others have done since.
create index execution_by_folder on noetl.execution (left(path, strpos(path, '/')), execution_id desc);
create index catalog_by_path on noetl.catalog (path text_pattern_ops, catalog_id desc) where deleted_at is null;
create index catalog_latest_by_path on noetl.catalog_latest (path text_pattern_ops);
