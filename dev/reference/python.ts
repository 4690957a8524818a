// The python tool of the reference worker: each step's code runs in a process of its own.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { MAX_RESULT_BYTES } from '../../src/event/types.ts'
import type { Call, Ending } from '../../src/executor/tools/tool.ts'
import { isObject, type Json, type JsonObject, parseJson, toJson } from '../../src/json.ts'

/** How an action ended, and where in the code. */
export type Outcome = Ending & { traceback?: string }

const PYTHON = 'python3'
const MAX_LOG_CHARS = 65_536

/**
 * The process that runs a step's code. Its order comes on stdin, which stays open: it closes when the worker
 * dies, and then the process ends with all that it started. Its result leaves by descriptor 3, out of the
 * way of what the code prints.
 */
const BOOTSTRAP = `
import asyncio, base64, dataclasses, inspect, json, linecache, math, os, signal, sys, threading
import traceback, types

lifeline = os.dup(0)
order = json.loads(sys.stdin.buffer.readline())
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(1, 2)
os.set_inheritable(3, False)

def end_with_worker():
    os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)

threading.Thread(target=end_with_worker, daemon=True).start()

def arguments(main, given, context, passed):
    """Each parameter by its name; the only one that nothing is known for gets the whole input."""
    named = given if isinstance(given, dict) else {}
    whole = {'input': given, 'input_data': given, 'data': given, 'context': context}
    bound = inspect.signature(main).bind_partial()
    unknown, is_named = [], False
    for name, p in inspect.signature(main).parameters.items():
        if p.kind is p.VAR_KEYWORD:
            rest = named.keys() - inspect.signature(main).parameters.keys()
            bound.arguments[name] = {key: named[key] for key in named if key in rest}
        elif p.kind is not p.VAR_POSITIONAL:
            is_required = p.default is p.empty
            places = [named, whole, passed] + ([context] if is_required else [])
            place = next((place for place in places if name in place), None)
            if place is not None:
                bound.arguments[name] = place[name]
                is_named = is_named or place is named
            elif is_required:
                unknown.append(name)
    if len(unknown) == 1 and not is_named:
        bound.arguments[unknown[0]] = given
    return bound

def plain(value):
    """What JSON has words for."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        try:
            return bytes(value).decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain(dataclasses.asdict(value))
    if hasattr(value, 'isoformat'):
        return value.isoformat()
    return plain(value.tolist()) if hasattr(value, 'tolist') else str(value)

def run():
    code = order['code']
    linecache.cache['<code>'] = (len(code), None, code.splitlines(True), '<code>')
    module = sys.modules['step'] = types.ModuleType('step')
    exec(compile(code, '<code>', 'exec'), module.__dict__)
    main = getattr(module, 'main', None)
    if not callable(main):
        raise NameError('the code defines no main')
    bound = arguments(main, order['input'], order['context'], order['passed'])
    data = main(*bound.args, **bound.kwargs)
    if inspect.iscoroutine(data):
        data = asyncio.run(data)
    return json.dumps({'data': plain(data)}, allow_nan=False)

def failure(error):
    frames = error.__traceback__
    while frames and frames.tb_frame.f_code.co_filename != '<code>':
        frames = frames.tb_next
    lines = [f.lineno for f in traceback.extract_tb(frames) if f.filename == '<code>']
    if isinstance(error, SyntaxError) and error.filename == '<code>':
        lines = [error.lineno]
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    said = f'{type(error).__name__}: {text[:10_000]}' + (f' (line {lines[-1]})' if lines else '')
    told = ''.join(traceback.format_exception(type(error), error, frames))
    return json.dumps({'error': said, 'traceback': told[-20_000:]})

try:
    outcome = run()
except BaseException as error:
    outcome = failure(error)
with os.fdopen(3, 'w') as out:
    out.write(outcome)
sys.stdout.flush()
os._exit(0)
`

/** Whether there is a python to run steps with. */
export function hasPython(): boolean {
  return spawnSync(PYTHON, ['--version']).status === 0
}

/** Calls the `main` that the step's code defines, in a fresh process that ends with its time limit. */
export async function pythonTool(
  { task, timeoutMs }: Call,
  context: JsonObject,
  signal: AbortSignal,
): Promise<Outcome> {
  // what a transition passed is known by its name; the rest of the context only where main asks for it
  const { workload: _1, path: _2, version: _3, catalog_id: _4, step_name: _5, ...passed } = context
  const order = { code: String(task.code ?? ''), input: inputOf(task), context, passed }
  // the worker's key is none of the code's business
  const { NOETL_SERVER_URL: _6, ...env } = process.env
  const child = spawn(PYTHON, ['-u', '-c', BOOTSTRAP], {
    detached: true,
    env,
    stdio: ['pipe', 'pipe', 'inherit', 'pipe'],
  })
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const limit = AbortSignal.timeout(timeoutMs)
  const kill = () => killGroup(child)
  for (const end of [limit, signal]) end.addEventListener('abort', kill)
  const [stdin, stdout, , out] = child.stdio as unknown as [Writable, Readable, null, Readable]
  // a process that has ended reads no more
  stdin.on('error', () => {}).write(`${toJson(order)}\n`)
  // what it left behind may hold its output open
  child.once('exit', () => {
    kill()
    setTimeout(() => [stdin, stdout, out].map((stream) => stream.destroy()), 1_000).unref()
  })
  const printed = collect(stdout, MAX_LOG_CHARS)
  const answered = collect(out, MAX_RESULT_BYTES, kill)
  const [code, killedBy] = await closed
  signal.removeEventListener('abort', kill)

  const lines = printed.text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  if (printed.left > 0) lines.push(`... and ${printed.left} characters more`)
  const logs = lines.length > 0 ? { logs: lines } : {}
  if (answered.left > 0) {
    const error = `the result is larger than ${MAX_RESULT_BYTES} bytes`
    return { status: 'error', error, ...logs }
  }
  const answer = answered.text === '' ? null : (parseJson(answered.text) as JsonObject)
  if (answer === null) {
    const error = limit.aborted
      ? `stopped after ${timeoutMs / 1000} s`
      : `python ended before main had (${killedBy ?? `exit code ${code}`})`
    return { status: 'error', error, ...logs }
  }
  if ('data' in answer) return { status: 'success', data: answer.data ?? null, ...logs }
  const { error, traceback } = answer
  return { status: 'error', error: String(error), traceback: String(traceback), ...logs }
}

/** What a step is given, the later over the earlier. */
const INPUT_KEYS = ['input', 'payload', 'params', 'args', 'with', 'data']

function inputOf(task: JsonObject): Json {
  const given = INPUT_KEYS.map((key) => task[key]).filter((value) => value != null)
  const last = given.at(-1)
  return last === undefined || isObject(last) ? Object.assign({}, ...given.filter(isObject)) : last
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // nothing was left of it
  }
}

/** The first `max` characters of a stream, and how many more there were. */
function collect(stream: Readable, max: number, overflow?: () => void) {
  const found = { text: '', left: 0 }
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    const room = max - found.text.length
    found.text += chunk.slice(0, room)
    if (chunk.length <= room) return
    found.left += chunk.length - Math.max(room, 0)
    overflow?.()
  })
  return found
}
