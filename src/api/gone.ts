// Routes of NoETL's server that must not come back.

const PROCESS =
  'a Worker has no process to look into: GET /health says whether it is alive, GET /metrics what it does'
const TOKEN =
  'it made its tokens up: keep a true one by POST /api/credentials, and name it in the `auth` of a step'
const METRICS =
  'metrics are read from GET /metrics, in the text format of Prometheus, which keeps them'

/** Path -> what to use instead, told to whoever asks by any method. */
export const GONE: Readonly<Record<string, string>> = {
  '/api/postgres/execute':
    'SQL is not run for whoever sends it: make it a postgres step of a playbook, and run that',
  '/api/status': PROCESS,
  '/api/threads': PROCESS,
  '/api/profiler/*': PROCESS,
  '/api/gcp/token': TOKEN,
  '/api/gcp/token/legacy': TOKEN,
  '/api/metrics/query': METRICS,
  '/api/metrics/components': METRICS,
  '/api/metrics/report': METRICS,
}
