-- All that takes the table of executions for itself, readers out: so there is nothing here that reads a row or builds
-- an index, and it is a transaction of its own.

drop index noetl.execution_by_path;
alter index noetl.execution_by_path_prefix rename to execution_by_path;
drop index noetl.execution_ended;
alter index noetl.execution_ended_paged rename to execution_ended;

alter table noetl.execution
  -- what its caller could see: its child executions keep to it, too
  add column within text,
  -- [{url, credential}], or null: nobody. Checked by src/notification/target.ts.
  add column notify jsonb,
  -- whoever starts a run says what to find it by; most runs have none
  add column labels jsonb not null default '{}',
  -- what is there already is looked at later, while others write (0014, 0015)
  add constraint execution_notify_is_list check (jsonb_typeof(notify) = 'array') not valid,
  add constraint execution_labels_object check (jsonb_typeof(labels) = 'object') not valid;
