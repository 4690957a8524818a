-- Credentials by name. `secret` is AES-GCM ciphertext under a key that the database never sees.

create table noetl.credential (
  credential_id bigint primary key,
  name text not null,
  type text not null,
  secret text not null,
  meta jsonb,
  tags text[],
  description text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint credential_name_key unique (name),
  constraint credential_name_length check (length(name) between 1 and 256)
);
