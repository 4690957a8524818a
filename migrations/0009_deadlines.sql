-- Steps that say how long they may take, where a worker does them; and jobs that sleep until their time.

-- When the present lease was taken; unlike last_heartbeat it does not move while the lease is put off.
alter table noetl.queue add column leased_at timestamptz;

-- Seconds that a job's step may take; null when it does not say, or says it by a template.
create function noetl.time_limit(action jsonb) returns double precision
  language sql immutable parallel safe
  return case when jsonb_typeof(action->'timeout') = 'number' then (action->>'timeout')::float8 end;

-- Seconds that the edge executor allows an action: those of src/executor/action.ts.
create function noetl.edge_limit(action jsonb) returns double precision
  language sql immutable parallel safe
  return case when coalesce(action->'timeout', 'null') = 'null' then 15
    else least(coalesce(noetl.time_limit(action), 600), 600) end;

-- The sweeper: jobs of workers that have taken longer than their step allows.
create index queue_limited on noetl.queue (leased_at)
  where status = 'leased' and runner = 'worker' and noetl.time_limit(action) is not null;

-- The sweeper: jobs of the edge that nobody has begun, among many that sleep.
create index queue_sleepers on noetl.queue (available_at)
  where runner = 'edge' and status in ('queued', 'retry');

-- Going on with an execution: its next jobs in their order, whatever it has done already.
create index queue_open on noetl.queue (execution_id, runner, priority desc, created_at, queue_id)
  where status in ('queued', 'retry');
