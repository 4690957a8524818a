-- The queue as workers see it over HTTP.

-- Who did a job stays known after it is over.
alter table noetl.queue
  drop constraint queue_leased_is_held,
  add constraint queue_leased_is_held
    check ((status = 'leased') = (lease_until is not null) and (status <> 'leased' or worker_id is not null));

-- Leasing takes free jobs and those whose lease has run out, by priority, then age. queue_id is new at each
-- lease, so it tells no age.
drop index noetl.queue_ready;
create index queue_ready on noetl.queue (runner, priority desc, created_at, queue_id)
  where status in ('queued', 'retry', 'leased');
-- the same for a worker that names its tools
create index queue_ready_by_tool on noetl.queue (tool, priority desc, created_at, queue_id)
  where runner = 'worker' and status in ('queued', 'retry', 'leased');
-- a job whose last attempt fell silent stays leased until the sweeper has failed it
drop index noetl.queue_spent;
-- lists and counts; done jobs are dropped by age, and a queue_id carries its time
create index queue_by_status on noetl.queue (status, queue_id);
create index queue_by_worker on noetl.queue (worker_id, queue_id) where worker_id is not null;

-- Ids that a job had before its present lease: who calls with one is told how the job stands, which an
-- unknown id is not.
create table noetl.former_lease (
  queue_id bigint primary key,
  execution_id bigint not null,
  node_id text not null
);

-- Whether a step wants failed attempts to be tried again.
create function noetl.retries(action jsonb) returns boolean
  language sql immutable parallel safe
  return coalesce(action->'retry', 'false') not in ('false', 'null');

-- A report that NoETL's workers send without an event id is known by its content: the same one, sent twice
-- at one instant, is one event.
alter table noetl.event add column report_key text;
create unique index event_report_key on noetl.event (execution_id, report_key) where report_key is not null;

-- Child executions, whose id is that of the step_started event that they run for: the sweeper looks for
-- those that have ended unheard, and those that have outlived their parents.
create index queue_children on noetl.queue (event_id) where tool = 'playbook' and status = 'leased';
create index execution_children on noetl.execution (parent_execution_id)
  where ended_at is null and parent_event_id = execution_id;

-- A list leaves out results that are large as text; what a column weighs is compressed.
alter table noetl.execution
  add column result_bytes integer generated always as (octet_length(result::text)) stored,
  add column workload_bytes integer generated always as (octet_length(workload::text)) stored;

-- NoETL's worker never puts a lease off, however long its action takes; its pool says every 15 seconds that it
-- is there. So a lease that has run out is still attended while the pool that began the action lives: heard of
-- within a minute, and not registered anew since, as a process that was started again would have been. Not for
-- ever, as a pool may live and have forgotten the job: for 15 minutes, or for the step's timeout.
alter table noetl.queue add column pool text, add column begun_at timestamptz;
alter table noetl.runtime add column registered_at timestamptz not null default now();

-- Whether a runtime has been heard of lately. One that says nothing for a minute counts as offline; NoETL's
-- workers speak every 15 seconds.
create function noetl.is_heard(heartbeat timestamptz) returns boolean
  language sql stable parallel safe
  return heartbeat >= now() - interval '60 seconds';

create function noetl.is_attended(job noetl.queue) returns boolean
  language sql stable parallel safe
  return job.pool is not null
    and job.lease_until > now() - make_interval(secs => greatest(900,
      case when jsonb_typeof(job.action->'timeout') = 'number'
        then least((job.action->>'timeout')::float8, 86400) end))
    and exists (
    select from noetl.runtime p
    where p.kind = 'worker_pool' and p.name = job.pool and p.status <> 'offline'
      and noetl.is_heard(p.heartbeat) and p.registered_at <= job.begun_at);
