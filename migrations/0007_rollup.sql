-- Figures of executions that have ended, so that a dashboard need not count them all. An execution that
-- has ended never changes, so each is added once: by noetl.roll_up, when it ended at or before
-- `counted_until`. Whoever wants figures adds those that ended after it. All of it is derived: with the
-- hours emptied, the totals at 0 and counted_until at '-infinity' it fills again, as it must after old
-- executions have been brought in.

-- by the hour in which they ended
create table noetl.execution_hour (
  hour timestamptz not null,
  status text not null,
  executions bigint not null,
  -- how long they took in all; numeric, since a sum of doubles depends on its order
  seconds numeric not null,
  constraint execution_hour_pkey primary key (hour, status),
  constraint execution_hour_status_terminal check (status in ('COMPLETED', 'FAILED'))
);

-- in all, so that years of hours need not be summed
create table noetl.rollup (
  is_only_row boolean not null default true,
  counted_until timestamptz not null default '-infinity',
  completed bigint not null default 0,
  failed bigint not null default 0,
  completed_seconds numeric not null default 0,
  failed_seconds numeric not null default 0,
  constraint rollup_pkey primary key (is_only_row),
  constraint rollup_single check (is_only_row)
);
insert into noetl.rollup default values;

-- what ended lately
create index execution_ended on noetl.execution (ended_at) where ended_at is not null;

-- Adds executions that have ended, oldest first and about so many at most, that none older can follow.
-- One at a time; a second one at once does nothing.
create function noetl.roll_up(max_executions integer, lag_seconds double precision) returns void
  language plpgsql as $$
declare
  counted timestamptz;
  settled timestamptz;
begin
  select r.counted_until into counted from noetl.rollup r for update skip locked;
  if not found then return; end if;
  -- ended_at is when a transaction began, and one that began long ago may commit yet. The lag is for those
  -- that have only just begun and for clocks that were set back. (Each statement here has a snapshot of
  -- its own: what had been committed by now is seen by the next.)
  select least(now() - make_interval(secs => lag_seconds), min(a.xact_start) - interval '1 microsecond')
    into settled
    from pg_stat_activity a
    where a.datname = current_database() and a.backend_type = 'client backend' and a.pid <> pg_backend_pid();
  select coalesce(max(oldest.ended_at), settled) into settled
    from (
      select x.ended_at from noetl.execution x
      where x.ended_at > counted and x.ended_at <= settled
      order by x.ended_at offset max_executions - 1 limit 1
    ) oldest;
  with ended as (
    select date_trunc('hour', x.ended_at, 'UTC') as hour, x.status, count(*) as executions,
      sum(extract(epoch from x.ended_at - x.started_at)) as seconds
    from noetl.execution x
    where x.ended_at > counted and x.ended_at <= settled
    group by 1, 2
  ), added as (
    insert into noetl.execution_hour as h (hour, status, executions, seconds)
    select e.hour, e.status, e.executions, e.seconds from ended e
    on conflict (hour, status) do update set
      executions = h.executions + excluded.executions, seconds = h.seconds + excluded.seconds
  ), sums as (
    select coalesce(sum(executions) filter (where status = 'COMPLETED'), 0) as completed,
      coalesce(sum(executions) filter (where status = 'FAILED'), 0) as failed,
      coalesce(sum(seconds) filter (where status = 'COMPLETED'), 0) as completed_seconds,
      coalesce(sum(seconds) filter (where status = 'FAILED'), 0) as failed_seconds
    from ended
    -- nothing is written while nothing ends
    having count(*) > 0
  )
  update noetl.rollup r set
    counted_until = settled,
    completed = r.completed + s.completed,
    failed = r.failed + s.failed,
    completed_seconds = r.completed_seconds + s.completed_seconds,
    failed_seconds = r.failed_seconds + s.failed_seconds
  from sums s;
end $$;
