-- Figures by the hour and by the day, in all and by playbook, so that a dashboard's windows are sums of a few
-- rows; and what lists of executions are sorted and filtered by. What noetl.roll_up keeps is made anew: with the
-- totals at 0 it fills again.

drop table noetl.execution_hour;
update noetl.rollup set counted_until = '-infinity', completed = 0, failed = 0, completed_seconds = 0, failed_seconds = 0;

-- Of executions that have ended, by the hour or UTC day in which they started or ended.
create table noetl.execution_stat (
  grain text not null,
  at timestamptz not null,
  -- '': all of them
  path text not null,
  -- those that started in it, and how many of them failed, whenever they ended
  started bigint not null,
  started_failed bigint not null,
  -- those that ended in it, and how long they took in all; numeric, since a sum of doubles depends on its order
  completed bigint not null,
  failed bigint not null,
  seconds numeric not null,
  -- how many of those took how long: by noetl.duration_bucket
  durations jsonb not null,
  -- of those that started in it
  last_started timestamptz,
  last_execution bigint,
  constraint execution_stat_pkey primary key (grain, at, path),
  constraint execution_stat_grain_known check (grain in ('hour', 'day'))
);
create index execution_stat_by_path on noetl.execution_stat (path text_pattern_ops, grain, at);

-- Why those that ended in an hour or day failed.
create table noetl.error_stat (
  grain text not null,
  at timestamptz not null,
  -- '': all of them
  path text not null,
  -- noetl.error_group of the error; in the key by its hash, as both texts together could be too long for one
  message text not null,
  message_hash bigint generated always as (hashtextextended(message, 0)) stored,
  failures bigint not null,
  last_at timestamptz not null,
  last_execution bigint not null,
  constraint error_stat_pkey primary key (grain, at, path, message_hash),
  constraint error_stat_grain_known check (grain in ('hour', 'day'))
);
create index error_stat_by_path on noetl.error_stat (path text_pattern_ops, grain, at);

-- Which bucket of a histogram a duration falls into: each begins 10 % above the one before, from a millisecond on.
create function noetl.duration_bucket(seconds double precision) returns integer
  language sql immutable parallel safe
  return floor(ln(greatest(seconds, 0.001) / 0.001) / ln(1.1::float8))::integer;

-- The sum of two objects of counts.
create function noetl.add_counts(a jsonb, b jsonb) returns jsonb
  language sql immutable parallel safe
  return (select coalesce(jsonb_object_agg(s.key, s.n), '{}') from (
    select e.key, sum(e.value::bigint) as n
    from (select * from jsonb_each_text(a) union all select * from jsonb_each_text(b)) e
    group by e.key) s);

-- An error without what differs from one time to the next: ids, numbers, blanks. Cut, as it is a heading.
create function noetl.error_group(error text) returns text
  language sql immutable parallel safe
  return left(btrim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
    left(coalesce(error, ''), 1000),
    '[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}', '<uuid>', 'g'),
    '\m(0x[0-9a-fA-F]+|(?=[a-fA-F]*[0-9])[0-9a-fA-F]{12,})\M', '<id>', 'g'),
    '[0-9]+([.][0-9]+)?', '<n>', 'g'),
    '\s+', ' ', 'g')), 200);

-- As before (0007), and what is counted is counted by hours and days, too.
create or replace function noetl.roll_up(max_executions integer, lag_seconds double precision) returns void
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
  with ended as materialized (
    select x.execution_id, x.path, x.status, x.error, x.started_at, x.ended_at,
      extract(epoch from x.ended_at - x.started_at) as seconds,
      date_trunc('hour', x.started_at, 'UTC') as hour_started,
      date_trunc('hour', x.ended_at, 'UTC') as hour_ended
    from noetl.execution x
    where x.ended_at > counted and x.ended_at <= settled
  ), hours as (
    select e.hour_started as hour, e.path, count(*) as started,
      count(*) filter (where e.status = 'FAILED') as started_failed, 0 as completed, 0 as failed, 0 as seconds,
      max(e.started_at) as last_started, max(e.execution_id) as last_execution
    from ended e group by 1, 2
    union all
    select e.hour_ended, e.path, 0, 0, count(*) filter (where e.status = 'COMPLETED'),
      count(*) filter (where e.status = 'FAILED'), sum(e.seconds), null, null
    from ended e group by 1, 2
  ), counts as (
    select g.grain, g.at, p.path, sum(h.started) as started, sum(h.started_failed) as started_failed,
      sum(h.completed) as completed, sum(h.failed) as failed, sum(h.seconds) as seconds,
      max(h.last_started) as last_started, max(h.last_execution) as last_execution
    from hours h,
      lateral (values ('hour', h.hour), ('day', date_trunc('day', h.hour, 'UTC'))) g (grain, at),
      lateral (values (h.path), ('')) p (path)
    group by 1, 2, 3
  ), taken as (
    select e.hour_ended as hour, e.path, noetl.duration_bucket(e.seconds::float8) as bucket, count(*) as n
    from ended e group by 1, 2, 3
  ), histograms as (
    select b.grain, b.at, b.path, jsonb_object_agg(b.bucket, b.n) as durations
    from (
      select g.grain, g.at, p.path, t.bucket, sum(t.n) as n
      from taken t,
        lateral (values ('hour', t.hour), ('day', date_trunc('day', t.hour, 'UTC'))) g (grain, at),
        lateral (values (t.path), ('')) p (path)
      group by 1, 2, 3, 4
    ) b
    group by 1, 2, 3
  ), added as (
    insert into noetl.execution_stat as s (grain, at, path, started, started_failed, completed, failed, seconds,
      durations, last_started, last_execution)
    select c.grain, c.at, c.path, c.started, c.started_failed, c.completed, c.failed, c.seconds,
      coalesce(h.durations, '{}'), c.last_started, c.last_execution
    from counts c left join histograms h using (grain, at, path)
    on conflict (grain, at, path) do update set
      started = s.started + excluded.started,
      started_failed = s.started_failed + excluded.started_failed,
      completed = s.completed + excluded.completed,
      failed = s.failed + excluded.failed,
      seconds = s.seconds + excluded.seconds,
      durations = noetl.add_counts(s.durations, excluded.durations),
      last_started = greatest(s.last_started, excluded.last_started),
      last_execution = greatest(s.last_execution, excluded.last_execution)
  ), explained as (
    insert into noetl.error_stat as s (grain, at, path, message, failures, last_at, last_execution)
    select g.grain, g.at, p.path, f.message, count(*), max(f.ended_at),
      (array_agg(f.execution_id order by f.ended_at desc, f.execution_id desc))[1]
    from (select e.*, noetl.error_group(e.error) as message from ended e where e.status = 'FAILED') f,
      lateral (values ('hour', f.hour_ended), ('day', date_trunc('day', f.hour_ended, 'UTC'))) g (grain, at),
      lateral (values (f.path), ('')) p (path)
    group by 1, 2, 3, 4
    -- what is added later ended later
    on conflict (grain, at, path, message_hash) do update set failures = s.failures + excluded.failures,
      last_at = excluded.last_at, last_execution = excluded.last_execution
  ), sums as (
    select count(*) filter (where status = 'COMPLETED') as completed,
      count(*) filter (where status = 'FAILED') as failed,
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

-- Of those that go on, all that figures need.
create index execution_active on noetl.execution (execution_id) include (path, status, started_at)
  where ended_at is null;

-- Dead jobs by tool: they stay as long as their executions, and are many some day.
create index queue_dead on noetl.queue (tool) include (execution_id) where status = 'dead';

-- lists by duration, whose pages go on after a pair of both
create index execution_duration on noetl.execution (extract(epoch from ended_at - started_at), execution_id)
  where ended_at is not null;

alter table noetl.execution validate constraint execution_labels_object;
create index execution_labelled on noetl.execution (execution_id) where labels <> '{}';
