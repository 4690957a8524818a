-- Inbound webhooks that start runs, and what has been delivered to them.

create table noetl.hook (
  hook_id bigint primary key,
  name text not null,
  provider text not null,
  -- AES-GCM ciphertext of the list; null when there are none
  secrets text,
  secret_count integer not null default 0,
  path text not null,
  -- null: the latest
  entry_version integer,
  -- where it is not the provider's own: the header of a token, the address as the sender calls it
  header text,
  public_url text,
  tolerance_seconds integer not null default 300,
  -- templates over headers, query and body: which deliveries count, what the run gets, what a delivery is known by
  filter text,
  parameters jsonb,
  delivery_id text,
  merge boolean not null default false,
  -- whether content that was signed once may come again under another id, where the id is not signed
  identical_content text not null default 'refuse',
  notify jsonb,
  -- whether a sender that prefers to wait is told how the run has ended
  may_wait boolean not null default true,
  max_body_bytes integer not null default 1048576,
  keep_body_bytes integer not null default 65536,
  keep_days integer not null default 7,
  enabled boolean not null default true,
  overlap text not null default 'allow',
  current_execution_id bigint,
  replaced bigint[] not null default '{}',
  -- what its maker could see of the playbooks: its runs keep to it
  within text,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  -- counts changes, so that two at once do not undo each other
  revision integer not null default 1,
  constraint hook_name_form check (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$'),
  constraint hook_provider_known check (provider in ('standard', 'github', 'stripe', 'slack', 'shopify',
    'twilio', 'token', 'cloudevents', 'bearer', 'none')),
  constraint hook_signed_unless_none check ((secret_count > 0) = (secrets is not null)
    and (provider = 'none') = (secrets is null)),
  constraint hook_overlap_known check (overlap in ('allow', 'skip', 'replace')),
  constraint hook_identical_content_known check (identical_content in ('refuse', 'allow')),
  constraint hook_tolerance_range check (tolerance_seconds between 1 and 86400),
  constraint hook_max_body_range check (max_body_bytes between 1 and 2097152),
  constraint hook_keep_range check (keep_body_bytes between 0 and 1048576 and keep_days between 0 and 90)
);
create unique index hook_name_once on noetl.hook (name) where deleted_at is null;
-- the sweeper: runs that others have taken the place of
create index hook_replaced on noetl.hook (hook_id) where replaced <> '{}';

-- What was delivered, one row each. The row of one that was accepted is what makes it count once, so it stays as long
-- as its hook; bodies and refusals are dropped by age.
create table noetl.hook_delivery (
  row_id bigint primary key,
  hook_id bigint not null,
  -- the hook's playbook at that time: who may see that may see this
  path text not null,
  -- what its sender calls it
  delivery_id text,
  -- sha-256 of what was signed, where the signature does not cover the id
  fingerprint text,
  result text not null,
  reason text,
  execution_id bigint,
  event_type text,
  ip text,
  -- without signatures and credentials; null once it is dropped
  headers jsonb,
  query jsonb,
  body bytea,
  body_bytes integer not null,
  content_type text,
  -- the delivery that was delivered again by hand
  redelivery_of bigint,
  received_at timestamptz not null default now(),
  constraint hook_delivery_result_known
    check (result in ('started', 'ignored', 'skipped', 'challenged', 'refused', 'failed')),
  constraint hook_delivery_started_run check ((result = 'started') = (execution_id is not null)),
  constraint hook_delivery_id_length check (length(delivery_id) between 1 and 600)
);
create unique index hook_delivery_once on noetl.hook_delivery (hook_id, delivery_id)
  where result in ('started', 'ignored', 'skipped') and delivery_id is not null;
create unique index hook_delivery_content_once on noetl.hook_delivery (hook_id, fingerprint)
  where result in ('started', 'ignored', 'skipped') and fingerprint is not null;
create index hook_delivery_newest on noetl.hook_delivery (hook_id, row_id desc);
-- the sweeper: what is dropped by age
create index hook_delivery_kept on noetl.hook_delivery (hook_id, row_id) where headers is not null;
-- the same, and lists of one result
create index hook_delivery_by_result on noetl.hook_delivery (hook_id, result, row_id desc);
-- from an execution to what started it
create index hook_delivery_by_execution on noetl.hook_delivery (execution_id) where execution_id is not null;
