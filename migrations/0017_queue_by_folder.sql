-- What a key with a path prefix leases, lists and counts: indexes by first folder, as `team-a/`. Writers wait here.

create index queue_by_folder on noetl.queue (left(path, strpos(path, '/')), status, queue_id);
create index queue_ready_by_folder on noetl.queue
  (left(path, strpos(path, '/')), priority desc, created_at, queue_id)
  where runner = 'worker' and status in ('queued', 'retry', 'leased');
create index queue_ready_by_tool_and_folder on noetl.queue
  (tool, left(path, strpos(path, '/')), priority desc, created_at, queue_id)
  where runner = 'worker' and status in ('queued', 'retry', 'leased');

-- Jobs of before 0016 that are not over. As all writers wait, none holds one of them and waits for another.
update noetl.queue q set path = x.path
from noetl.execution x
where x.execution_id = q.execution_id and q.path = '' and q.status in ('queued', 'retry', 'leased');
