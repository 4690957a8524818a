-- The queue: one job per action of an execution. A job is leased, never taken away: a holder that is
-- silent past lease_until has lost it, and its late report is refused.
--
-- Lock order, everywhere: the execution's row first, then its jobs. Statements that free or put off leases
-- lock job rows alone and wait for no execution.

create table noetl.queue (
  -- new at each lease, so that it fences: a report under an older one names no leased job
  queue_id bigint primary key,
  execution_id bigint not null,
  catalog_id bigint not null,
  node_id text not null,
  node_name text not null,
  tool text not null,
  -- the step as the playbook has it
  action jsonb not null,
  -- what the transition passed on
  context jsonb not null default '{}',
  -- steps whose results the action's templates and the step's transitions mention
  needs text[] not null default '{}',
  runner text not null,
  status text not null default 'queued',
  priority integer not null default 5,
  attempts integer not null default 0,
  max_attempts integer not null default 3,
  available_at timestamptz not null default now(),
  lease_until timestamptz,
  worker_id text,
  last_heartbeat timestamptz,
  -- the step_started event that queued it
  event_id bigint,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint queue_node_key unique (execution_id, node_id),
  constraint queue_runner_known check (runner in ('edge', 'worker')),
  constraint queue_status_known check (status in ('queued', 'leased', 'retry', 'done', 'dead')),
  constraint queue_leased_is_held
    check ((status = 'leased') = (worker_id is not null and lease_until is not null)),
  constraint queue_attempts_range check (attempts between 0 and max_attempts)
);

-- taking the next job
create index queue_ready on noetl.queue (runner, priority desc, queue_id)
  where status in ('queued', 'retry');
-- the sweeper: leases that ran out
create index queue_lease_until on noetl.queue (lease_until) where status = 'leased';
-- the sweeper: jobs whose last permitted attempt fell silent
create index queue_spent on noetl.queue (execution_id) where status = 'retry' and attempts >= max_attempts;

-- Aborts the statement that calls it, with an SQLSTATE of ours that src/db.ts knows.
create function noetl.refuse(code text, message text) returns boolean
  language plpgsql as $$
begin
  raise exception using errcode = code, message = message;
end $$;
