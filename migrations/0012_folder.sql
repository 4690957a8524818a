-- A key with a path prefix lists the executions of a folder, newest first. Of a first folder, as `team-a/`, this is
-- the list's own order; paths in a range are not in it, and a team that has rested would be looked for among all
-- that others have done since.
create index execution_by_folder on noetl.execution (left(path, strpos(path, '/')), execution_id desc);
