-- Jobs of before 0016 that are over, by far the most: nobody changes them, so nobody waits. The sweeper would, for what
-- it drops: within the hour, as this may take some minutes.

update noetl.queue q set path = x.path
from noetl.execution x
where x.execution_id = q.execution_id and q.path = ''
  and ((q.status = 'done' and q.queue_id > noetl.id_at(now() - interval '7 days' + interval '1 hour'))
    or (q.status = 'dead' and q.queue_id > noetl.id_at(now() - interval '30 days' + interval '1 hour')));
