-- A job says of what playbook it is: else a worker whose key has a path prefix would look past the jobs of all others,
-- execution by execution. This takes the queue for itself, so it reads no row.

-- '' where the execution is gone
alter table noetl.queue add column path text not null default '';

-- Workers deployed before this do not say it.
create function noetl.fill_job_path() returns trigger
  language plpgsql as $$
begin
  new.path := coalesce((select x.path from noetl.execution x where x.execution_id = new.execution_id), '');
  return new;
end $$;
create trigger queue_path before insert on noetl.queue
  for each row when (new.path = '')
  execute function noetl.fill_job_path();
