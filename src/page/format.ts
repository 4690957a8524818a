// Times and sizes for people. Exact ones stand beside them, where they are pointed at.

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** A duration of so many seconds: `12 ms`, `1.24 s`, `3 min 05 s`, `2 h 10 min`, `4 d 3 h`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds)
  if (seconds < 0.9995) return `${Math.max(0, Math.round(seconds * 1000))} ms`
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`
  const pad = (value: number) => String(value).padStart(2, '0')
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min ${pad(whole % MINUTE)} s`
  if (whole < DAY)
    return `${Math.floor(whole / HOUR)} h ${pad(Math.floor((whole % HOUR) / MINUTE))} min`
  return `${Math.floor(whole / DAY)} d ${Math.floor((whole % DAY) / HOUR)} h`
}

/** How long ago, or until: `now`, `12 s ago`, `in 3 min`. */
export function ago(then: number, now: number): string {
  const seconds = Math.round((now - then) / 1000)
  const far = Math.abs(seconds)
  if (far < 2) return 'now'
  const [value, unit] =
    far < MINUTE
      ? [far, 's']
      : far < HOUR
        ? [Math.round(far / MINUTE), 'min']
        : far < DAY
          ? [Math.round(far / HOUR), 'h']
          : [Math.round(far / DAY), 'd']
  return seconds > 0 ? `${value} ${unit} ago` : `in ${value} ${unit}`
}

/** The time of day of the reader; with the date unless it is today, and with the year unless it is this year's. */
export function clock(then: Date, now: Date, exactly = false): string {
  const pad = (value: number, length = 2) => String(value).padStart(length, '0')
  const time = `${pad(then.getHours())}:${pad(then.getMinutes())}:${pad(then.getSeconds())}${
    exactly ? `.${pad(then.getMilliseconds(), 3)}` : ''
  }`
  if (then.toDateString() === now.toDateString()) return time
  const date = `${pad(then.getMonth() + 1)}-${pad(then.getDate())}`
  return then.getFullYear() === now.getFullYear()
    ? `${date} ${time}`
    : `${then.getFullYear()}-${date} ${time}`
}

/** The moment in UTC, to the microsecond where that is known. */
export function exact(time: string): string {
  const [date = '', ofDay = ''] = time.replace(/Z$/, '').split('T')
  return `${date} ${ofDay.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '')} UTC`
}

/** A count: `1,234`, `12.3k`, `4.5M`. */
export function count(value: number): string {
  if (value < 10_000) return value.toLocaleString('en')
  if (value < 999_950) return `${(value / 1e3).toFixed(value < 99_950 ? 1 : 0)}k`
  return `${(value / 1e6).toFixed(1)}M`
}

export function bytes(size: number): string {
  if (size < 1024) return `${size} B`
  return size < 1024 * 1024 ? `${(size / 1024).toFixed(1)} KB` : `${(size / 1048576).toFixed(1)} MB`
}

/** The beginning of a text, cut where it is too long. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}
