-- Runtimes: worker pools, brokers and servers that say by name that they are there. Whether one is
-- silent is not written here: it is read from `heartbeat`.

create table noetl.runtime (
  runtime_id bigint not null,
  kind text not null,
  name text not null,
  uri text,
  -- a word of its own choosing; 'offline' when it has taken its leave
  status text not null,
  capacity integer,
  -- json, not jsonb: given back as sent, and no larger than it was sent
  labels json,
  -- type, pid, hostname, and what else it tells of itself
  runtime json not null,
  heartbeat timestamptz not null default now(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- the only unique key: a registration that is sent again while the first still runs then waits for
  -- it, and breaks no other
  constraint runtime_pkey primary key (kind, name),
  constraint runtime_kind_known
    check (kind in ('worker_pool', 'broker', 'server_api', 'scheduler', 'monitor')),
  constraint runtime_name_length check (length(name) between 1 and 256),
  constraint runtime_status_length check (length(status) between 1 and 64),
  constraint runtime_capacity_range check (capacity >= 0)
);

-- lists of a kind, newest first, by page
create index runtime_newest on noetl.runtime (kind, runtime_id desc);
