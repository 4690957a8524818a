-- Who is told of an execution's end, and the outbox of what they are told.

alter table noetl.execution validate constraint execution_notify_is_list;

create sequence noetl.notification_seq;

-- One message to one receiver. Written by the statement that ends the execution, never by hand.
create table noetl.notification (
  notification_id bigint primary key,
  execution_id bigint not null,
  -- of the execution, which may be kept for a shorter time
  path text not null,
  event_type text not null,
  url text not null,
  -- the receiver, for whom others do not wait
  origin text collate "C" not null
    generated always as (coalesce(substring(url from '^https?://[^/?#]+'), url)) stored,
  credential text,
  status text not null default 'pending',
  -- how often it was leased to be sent, since it was written or redriven
  attempts integer not null default 0,
  available_at timestamptz not null default now(),
  -- who is sending it, and until when nobody else does
  lease_id bigint,
  lease_until timestamptz,
  -- the last reply's status, and what went wrong in our own words: never in the receiver's
  last_status integer,
  last_error text,
  created_at timestamptz not null default now(),
  delivered_at timestamptz,
  constraint notification_once unique (execution_id, url),
  constraint notification_status_known check (status in ('pending', 'delivered', 'dead')),
  constraint notification_type_known
    check (event_type in ('execution.completed', 'execution.failed', 'execution.cancelled')),
  constraint notification_leased_until check ((lease_id is null) = (lease_until is null)),
  constraint notification_leased_while_pending check (lease_id is null or status = 'pending'),
  constraint notification_delivered_at check ((status = 'delivered') = (delivered_at is not null)),
  constraint notification_error_length check (length(last_error) <= 200)
);

-- what is due, receiver by receiver
create index notification_due on noetl.notification (origin, available_at) where status = 'pending';
create index notification_leased on noetl.notification (lease_id) where lease_id is not null;
create index notification_by_status on noetl.notification (status, notification_id desc);
create index notification_by_path on noetl.notification (path text_pattern_ops, notification_id desc);

-- Writes the messages of an execution that has ended. What it raised would keep the execution from ending.
create function noetl.post_notifications() returns trigger
  language plpgsql as $$
begin
  insert into noetl.notification (notification_id, execution_id, path, event_type, url, credential)
  -- as ids of src/ids.ts, but counted within the millisecond
  select noetl.id_at(now()) | (nextval('noetl.notification_seq') & 4194303), new.execution_id, new.path,
    case when new.status = 'COMPLETED' then 'execution.completed'
      when new.last_event_type = 'execution_cancelled' then 'execution.cancelled'
      else 'execution.failed' end,
    t.url, t.credential
  from jsonb_to_recordset(new.notify) as t(url text, credential text)
  on conflict (execution_id, url) do nothing;
  return null;
end $$;

-- Whatever statement ends an execution writes them with it. Those that end nothing, or of which nobody is told,
-- do not call the function.
create trigger execution_begun_ended after insert on noetl.execution
  for each row when (new.ended_at is not null and new.notify is not null)
  execute function noetl.post_notifications();
create trigger execution_ended after update of ended_at on noetl.execution
  for each row when (old.ended_at is null and new.ended_at is not null and new.notify is not null)
  execute function noetl.post_notifications();
