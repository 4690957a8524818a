-- Runs by the clock. A schedule knows one tick ahead: whoever moves next_at on from it has the tick, and starts its
-- run in the same statement.

create table noetl.schedule (
  schedule_id bigint primary key,
  name text not null,
  -- five fields, or '@hourly' and the like
  cron text not null,
  -- an IANA name
  timezone text not null,
  path text not null,
  -- null: the latest
  version integer,
  -- texts may be templates that see `schedule`
  parameters jsonb not null default '{}',
  merge boolean not null default false,
  overlap text not null,
  catch_up text not null,
  -- whom the ends of its runs are told to
  notify jsonb not null default '[]',
  enabled boolean not null,
  next_at timestamptz,
  -- the last tick that was seen to: its run was started, skipped, or could not be started
  last_at timestamptz,
  last_error text,
  -- the last run that a tick has started
  current_execution_id bigint,
  -- runs that others have taken the place of, until they are cancelled
  replaced bigint[] not null default '{}',
  -- ticks that came while the last run still went on
  skipped integer not null default 0,
  -- what its runs may see of the playbooks
  within text,
  created_by text not null,
  created_at timestamptz not null default now(),
  -- changed with what is said above enabled, and not by ticks
  updated_at timestamptz not null default now(),
  constraint schedule_name_once unique (name),
  constraint schedule_name_form check (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$'),
  constraint schedule_overlap_known check (overlap in ('allow', 'skip', 'replace')),
  constraint schedule_catch_up_known check (catch_up in ('none', 'last', 'all')),
  constraint schedule_parameters_are_object check (jsonb_typeof(parameters) = 'object'),
  constraint schedule_version_positive check (version > 0),
  constraint schedule_next_when_enabled check (enabled = (next_at is not null)),
  constraint schedule_path_within check (within is null or starts_with(path, within))
);
create index schedule_due on noetl.schedule (next_at, schedule_id) where enabled;
create index schedule_by_path on noetl.schedule (path text_pattern_ops, name);
create index schedule_replaced on noetl.schedule (schedule_id) where replaced <> '{}';
