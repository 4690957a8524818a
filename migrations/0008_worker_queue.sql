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
  add column result_bytes integer generated always as (octet_length(result::text)) stored;
