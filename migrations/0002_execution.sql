-- Executions and their event log, both partitioned by range of execution_id. An id carries its time
-- (src/ids.ts: milliseconds since 2025-01-01 in the upper 41 bits, 22 random bits below), so one
-- execution and all its events lie in one partition of each table, and retention drops partitions.

-- The truth: one row per event, only ever inserted; seq is 1..n without a gap in each execution.
create table noetl.event (
  execution_id bigint not null,
  seq integer not null,
  event_id bigint not null,
  parent_event_id bigint,
  parent_execution_id bigint,
  catalog_id bigint not null,
  event_type text not null,
  node_id text not null,
  node_name text not null,
  node_type text not null,
  status text not null,
  duration double precision not null default 0,
  context jsonb default '{}',
  result jsonb default '{}',
  meta jsonb default '{}',
  error text,
  stack_trace text,
  trace_component jsonb,
  worker_id text,
  attempt integer,
  current_index integer,
  current_item jsonb,
  created_at timestamptz not null default now(),
  constraint event_pkey primary key (execution_id, seq),
  -- event_id first: an event is also looked up by its id alone
  constraint event_id_key unique (event_id, execution_id),
  constraint event_seq_positive check (seq > 0),
  constraint event_type_length check (length(event_type) between 1 and 128),
  constraint event_status_known
    check (status in ('STARTED', 'RUNNING', 'PAUSED', 'PENDING', 'FAILED', 'COMPLETED'))
) partition by range (execution_id);

-- results of named steps, and what a node has reported so far
create index event_by_step on noetl.event (execution_id, node_name, event_type, seq);
-- a step runs at most once in an execution
create unique index event_step_started_once on noetl.event (execution_id, node_name)
  where event_type = 'step_started';
-- an execution ends once
create unique index event_terminal_once on noetl.event (execution_id)
  where event_type in ('execution_complete', 'execution_failed', 'execution_cancelled');

-- The projection: one row per run. The list, the head of the detail and the dashboard read only this.
create table noetl.execution (
  execution_id bigint not null,
  catalog_id bigint not null,
  path text not null,
  name text not null,
  entry_version integer not null,
  kind text not null,
  status text not null,
  -- seq of the last event: what an append expects, and what a lost race is seen by
  version integer not null,
  -- how many events have status COMPLETED or FAILED, for the progress formula
  events_done integer not null default 0,
  progress integer not null default 0,
  last_event_type text not null,
  started_at timestamptz not null default now(),
  ended_at timestamptz,
  result jsonb,
  error text,
  workload jsonb not null,
  -- what the evaluator needs to know of the steps (src/event/state.ts)
  state jsonb not null,
  -- steps whose results are mentioned by what is evaluated when branches have joined
  join_needs text[] not null default '{}',
  -- seqs of reports that are in the log and that no decision has answered yet
  undecided integer[] not null default '{}',
  parent_execution_id bigint,
  parent_event_id bigint,
  parent_step text,
  requestor jsonb not null default '{}',
  metadata jsonb not null default '{}',
  constraint execution_pkey primary key (execution_id),
  constraint execution_kind_known check (kind in ('playbook', 'tool', 'model', 'workflow')),
  constraint execution_status_known
    check (status in ('STARTED', 'RUNNING', 'PAUSED', 'PENDING', 'FAILED', 'COMPLETED')),
  constraint execution_ended_when_terminal
    check ((status in ('COMPLETED', 'FAILED')) = (ended_at is not null)),
  constraint execution_hundred_when_ended check ((progress = 100) = (ended_at is not null)),
  constraint execution_progress_range check (progress between 0 and 100),
  constraint execution_version_positive check (version > 0)
) partition by range (execution_id);

-- the list's filters, each newest first
create index execution_by_status on noetl.execution (status, execution_id desc);
create index execution_by_path on noetl.execution (path, execution_id desc);
create index execution_by_catalog on noetl.execution (catalog_id, execution_id desc);
create index execution_by_parent on noetl.execution (parent_execution_id, execution_id desc)
  where parent_execution_id is not null;
-- the sweeper: reports without a decision
create index execution_undecided on noetl.execution (execution_id) where undecided <> '{}';

create table noetl.execution_default partition of noetl.execution default;
create table noetl.event_default partition of noetl.event default;

-- The least execution_id of an instant.
create function noetl.id_at(at timestamptz) returns bigint
  language sql immutable parallel safe
  -- kept within 41 bits: instants before 2025 and after 2094 are its ends
  return (greatest(0, least(2199023255551, extract(epoch from at) * 1000 - 1735689600000)))::bigint << 22;

-- Timestamps as the API shows them: RFC 3339, UTC, microseconds.
create function noetl.rfc3339(at timestamptz) returns text
  language sql stable parallel safe
  return to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

-- Makes the monthly partitions from this month to `months_ahead` months on; returns how many it made.
-- Run by the migration and then by the cron trigger. Ids outside of every month go to the default
-- partition, so that no insert ever fails for want of one; a month whose rows are there already is
-- left there.
create function noetl.ensure_partitions(months_ahead integer) returns integer
  language plpgsql as $$
declare
  month timestamptz := date_trunc('month', now() at time zone 'utc') at time zone 'utc';
  next_month timestamptz;
  base text;
  made integer := 0;
begin
  for i in 0..months_ahead loop
    next_month := (month at time zone 'utc' + interval '1 month') at time zone 'utc';
    foreach base in array array['execution', 'event'] loop
      if to_regclass(format('noetl.%I', base || to_char(month at time zone 'utc', '_YYYYMM'))) is null then
        begin
          execute format(
            'create table noetl.%I partition of noetl.%I for values from (%s) to (%s)',
            base || to_char(month at time zone 'utc', '_YYYYMM'), base,
            noetl.id_at(month), noetl.id_at(next_month));
          made := made + 1;
        exception
          -- somebody else made it, or the default partition holds rows of that month
          when duplicate_table or check_violation then null;
        end;
      end if;
    end loop;
    month := next_month;
  end loop;
  return made;
end $$;

select noetl.ensure_partitions(3);
