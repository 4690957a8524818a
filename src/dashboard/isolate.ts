// What this isolate knows of itself.

// clocks stand still before the first request, so that is when it began
let startedAt = 0
let requests = 0

/** Notes a request. */
export function countRequest(): void {
  startedAt ||= Date.now()
  requests += 1
}

/** Since when, in seconds of the epoch, it has served how many requests. */
export function isolateFigures(): { started_seconds: number; requests: number } {
  return { started_seconds: startedAt / 1000, requests }
}
