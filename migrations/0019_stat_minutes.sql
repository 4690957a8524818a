-- Figures by the minute as well, of some two days: an hour, and the ends of windows, are sums of these.

-- From when on minutes are kept, a whole one; older ones are read from the executions. It only moves on. What was
-- counted before this migration is older. (This table first, as figures read it first: else each could wait for the other.)
alter table noetl.rollup add column minutes_since timestamptz not null default '-infinity';
update noetl.rollup
  set minutes_since = date_bin('1 minute', counted_until + interval '1 minute', '2025-01-01T00:00:00Z');

-- Minutes come and go, and have a partition of their own, so that hours, which stay, lie together.
alter table noetl.execution_stat rename to execution_stat_whole;
alter table noetl.execution_stat_whole rename constraint execution_stat_pkey to execution_stat_whole_pkey;
alter index noetl.execution_stat_by_path rename to execution_stat_whole_by_path;
create table noetl.execution_stat (
  like noetl.execution_stat_whole including generated,
  constraint execution_stat_pkey primary key (grain, at, path)
) partition by list (grain);
create index execution_stat_by_path on noetl.execution_stat (path text_pattern_ops, grain, at);
alter table noetl.execution_stat attach partition noetl.execution_stat_whole for values in ('hour', 'day');
create table noetl.execution_stat_minute partition of noetl.execution_stat for values in ('minute');

alter table noetl.error_stat rename to error_stat_whole;
alter table noetl.error_stat_whole rename constraint error_stat_pkey to error_stat_whole_pkey;
alter index noetl.error_stat_by_path rename to error_stat_whole_by_path;
create table noetl.error_stat (
  like noetl.error_stat_whole including generated,
  constraint error_stat_pkey primary key (grain, at, path, message_hash)
) partition by list (grain);
create index error_stat_by_path on noetl.error_stat (path text_pattern_ops, grain, at);
alter table noetl.error_stat attach partition noetl.error_stat_whole for values in ('hour', 'day');
create table noetl.error_stat_minute partition of noetl.error_stat for values in ('minute');

-- As before (0015), and what is counted is counted by minutes, too, where they are kept; older ones are dropped.
create or replace function noetl.roll_up(max_executions integer, lag_seconds double precision) returns void
  language plpgsql as $$
declare
  counted timestamptz;
  settled timestamptz;
  earliest timestamptz;
  minutes timestamptz;
  -- spans of time begin with those of UTC; much faster than date_trunc in a time zone
  origin constant timestamptz := '2025-01-01T00:00:00Z';
begin
  select r.counted_until, r.minutes_since into counted, minutes from noetl.rollup r for update skip locked;
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
  select x.ended_at into earliest from noetl.execution x
    where x.ended_at > counted and x.ended_at <= settled
    order by x.ended_at limit 1;
  -- nothing is written while nothing ends
  if not found then return; end if;
  -- Where little ends in a minute, minutes are as many as executions: a sweep that is behind keeps those of its
  -- last hour alone, as it would write a day of them at once.
  minutes := greatest(minutes, date_bin('1 minute', settled -
    case when earliest < settled - interval '1 hour' then interval '1 hour' else interval '2 days' end, origin));
  with ended as materialized (
    select x.execution_id, x.path, x.status, x.error, x.started_at, x.ended_at,
      extract(epoch from x.ended_at - x.started_at) as seconds
    from noetl.execution x
    where x.ended_at > counted and x.ended_at <= settled
  ), placed as (
    select 'hour' as grain, date_bin('1 hour', e.started_at, origin) as started_in,
      date_bin('1 hour', e.ended_at, origin) as ended_in, e.*
    from ended e
    union all
    select 'minute', date_bin('1 minute', e.started_at, origin), date_bin('1 minute', e.ended_at, origin), e.*
    from ended e where greatest(e.started_at, e.ended_at) >= minutes
  ), parts as (
    select e.grain, e.started_in as at, e.path, count(*) as started,
      count(*) filter (where e.status = 'FAILED') as started_failed, 0 as completed, 0 as failed, 0 as seconds,
      max(e.started_at) as last_started, max(e.execution_id) as last_execution
    from placed e where e.grain = 'hour' or e.started_in >= minutes
    group by 1, 2, 3
    union all
    select e.grain, e.ended_in, e.path, 0, 0, count(*) filter (where e.status = 'COMPLETED'),
      count(*) filter (where e.status = 'FAILED'), sum(e.seconds), null, null
    from placed e group by 1, 2, 3
  ), counts as (
    select g.grain, g.at, p.path, sum(c.started) as started, sum(c.started_failed) as started_failed,
      sum(c.completed) as completed, sum(c.failed) as failed, sum(c.seconds) as seconds,
      max(c.last_started) as last_started, max(c.last_execution) as last_execution
    from parts c,
      lateral (values (c.grain, c.at), (case c.grain when 'hour' then 'day' end, date_bin('1 day', c.at, origin)))
        g (grain, at),
      lateral (values (c.path), ('')) p (path)
    where g.grain is not null
    group by 1, 2, 3
  ), taken as (
    select e.grain, e.ended_in as at, e.path, noetl.duration_bucket(e.seconds::float8) as bucket, count(*) as n
    from placed e group by 1, 2, 3, 4
  ), histograms as (
    select b.grain, b.at, b.path, jsonb_object_agg(b.bucket, b.n) as durations
    from (
      select g.grain, g.at, p.path, t.bucket, sum(t.n) as n
      from taken t,
        lateral (values (t.grain, t.at), (case t.grain when 'hour' then 'day' end, date_bin('1 day', t.at, origin)))
          g (grain, at),
        lateral (values (t.path), ('')) p (path)
      where g.grain is not null
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
    from (select e.*, noetl.error_group(e.error) as message from placed e where e.status = 'FAILED') f,
      lateral (values (f.grain, f.ended_in),
        (case f.grain when 'hour' then 'day' end, date_bin('1 day', f.ended_in, origin))) g (grain, at),
      lateral (values (f.path), ('')) p (path)
    where g.grain is not null
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
  )
  update noetl.rollup r set
    counted_until = settled,
    minutes_since = minutes,
    completed = r.completed + s.completed,
    failed = r.failed + s.failed,
    completed_seconds = r.completed_seconds + s.completed_seconds,
    failed_seconds = r.failed_seconds + s.failed_seconds
  from sums s;
  -- after a sweep that was behind they may be many
  delete from noetl.execution_stat_minute s where s.ctid = any (array(
    select o.ctid from noetl.execution_stat_minute o where o.grain = 'minute' and o.at < minutes limit 10000));
  delete from noetl.error_stat_minute s where s.ctid = any (array(
    select o.ctid from noetl.error_stat_minute o where o.grain = 'minute' and o.at < minutes limit 10000));
end $$;
