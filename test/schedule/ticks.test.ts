// When schedules are due, in zones whose clocks change, and what becomes of what was missed.
import { describe, expect, test } from 'vitest'
import { type CatchUp, nextTicks, timingFault, turnOf } from '../../src/schedule/ticks.ts'

const at = (text: string) => new Date(`${text}:00Z`)
const short = (date: Date | null | undefined) => date?.toISOString().replace(':00.000Z', '') ?? null
const after = (cron: string, timezone: string, from: string, count: number) =>
  nextTicks({ cron, timezone }, at(from), count).map(short)

/** Ticks in UTC, by expression, zone and where they begin. */
const TICKS: [name: string, cron: string, zone: string, from: string, ticks: string[]][] = [
  [
    'a time that Berlin jumps over comes right after the jump, once',
    '30 2 * * *',
    'Europe/Berlin',
    '2026-03-28T00:00',
    ['2026-03-28T01:30', '2026-03-29T01:00', '2026-03-30T00:30'],
  ],
  [
    'a time that Berlin shows twice comes at the first',
    '30 2 * * *',
    'Europe/Berlin',
    '2026-10-24T00:00',
    ['2026-10-24T00:30', '2026-10-25T00:30', '2026-10-26T01:30'],
  ],
  [
    'a time that New York jumps over comes right after the jump, once',
    '30 2 * * *',
    'America/New_York',
    '2026-03-07T07:00',
    ['2026-03-07T07:30', '2026-03-08T07:00', '2026-03-09T06:30'],
  ],
  [
    'a time that New York shows twice comes at the first',
    '30 1 * * *',
    'America/New_York',
    '2026-10-31T05:00',
    ['2026-10-31T05:30', '2026-11-01T05:30', '2026-11-02T06:30'],
  ],
  [
    'two times that are jumped over are one',
    '0,30 2 * * *',
    'Europe/Berlin',
    '2026-03-28T12:00',
    ['2026-03-29T01:00', '2026-03-30T00:00', '2026-03-30T00:30'],
  ],
  [
    'each of two times that are shown twice comes once',
    '0,30 2 * * *',
    'Europe/Berlin',
    '2026-10-24T12:00',
    ['2026-10-25T00:00', '2026-10-25T00:30', '2026-10-26T01:00', '2026-10-26T01:30'],
  ],
  [
    'every half an hour is half an hour, also where the clock is put forward',
    '*/30 * * * *',
    'Europe/Berlin',
    '2026-03-29T00:00',
    ['2026-03-29T00:30', '2026-03-29T01:00', '2026-03-29T01:30'],
  ],
  [
    'and where it is put back',
    '*/30 * * * *',
    'Europe/Berlin',
    '2026-10-24T23:45',
    ['2026-10-25T00:00', '2026-10-25T00:30', '2026-10-25T01:00', '2026-10-25T01:30'],
  ],
  [
    'a leap day comes in leap years',
    '0 0 29 2 *',
    'UTC',
    '2026-11-26T00:00',
    ['2028-02-29T00:00', '2032-02-29T00:00'],
  ],
  ['2100 has none', '0 0 29 2 *', 'UTC', '2096-02-29T00:00', ['2104-02-29T00:00']],
  [
    'a day of the month or a weekday, where both are said',
    '0 0 1 * MON',
    'UTC',
    '2026-11-26T00:00',
    ['2026-11-30T00:00', '2026-12-01T00:00', '2026-12-07T00:00'],
  ],
  [
    'a tick is after what it is asked for',
    '0 0 * * *',
    'UTC',
    '2026-11-26T00:00',
    ['2026-11-27T00:00'],
  ],
  [
    '@hourly',
    '@hourly',
    'Asia/Kolkata',
    '2026-11-26T00:00',
    ['2026-11-26T00:30', '2026-11-26T01:30'],
  ],
  ['the last day of a month', '0 0 L * *', 'UTC', '2028-02-01T00:00', ['2028-02-29T00:00']],
]

test.each(TICKS)('%s', (_name, cron, zone, from, ticks) => {
  expect(after(cron, zone, from, ticks.length)).toEqual(ticks)
})

const NOW = at('2026-11-26T12:00')

test.each([
  '0 0 30 2 *',
  '0 0 31 4,6,9,11 *',
  '0 0 0 * * *',
  '0 0 * * * 2030',
  '60 * * * *',
  '* 24 * * *',
  '* * 0 * *',
  '* * * 13 *',
  '5-1 * * * *',
  '*/0 * * * *',
  '? * * * *',
  '2030-01-01T00:00:00',
  '* * * *',
  '@reboot',
  '@often',
  'x',
  '',
])("the expression '%s' is refused", (cron) => {
  const fault = timingFault({ cron, timezone: 'UTC' }, NOW)
  expect(fault).toEqual({ part: 'cron', detail: expect.stringMatching(/./) })
})

test.each(['Mars/Base', '+02:00', '', ' UTC', 'Europe', '../UTC'])(
  "the time zone '%s' is refused",
  (timezone) => {
    const fault = timingFault({ cron: '* * * * *', timezone }, NOW)
    expect(fault).toMatchObject({ part: 'timezone' })
  },
)

test.each(['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5'])(
  "the time zone '%s' is known",
  (timezone) => expect(timingFault({ cron: '@daily', timezone }, NOW)).toBeNull(),
)

describe('what is done about a schedule', () => {
  const turn = (catch_up: CatchUp, cron: string, nextAt: string, now: string) => {
    const given = turnOf({ cron, timezone: 'UTC', catch_up }, at(nextAt), new Date(now))
    return given && [short(given.tick), short(given.following)]
  }
  const HOURLY = '0 * * * *'
  const RULES = ['none', 'last', 'all'] as const

  test.each(RULES)('that is not due is nothing: %s', (rule) => {
    expect(turn(rule, HOURLY, '2026-11-26T12:00', '2026-11-26T11:59:59.999Z')).toBeNull()
  })

  test.each(RULES)('that is due on the dot, or a little later, is its run: %s', (rule) => {
    for (const now of ['12:00:00.000', '12:00:00.400', '12:01:59.999', '12:02:00.000']) {
      expect([now, turn(rule, HOURLY, '2026-11-26T12:00', `2026-11-26T${now}Z`)]).toEqual([
        now,
        ['2026-11-26T12:00', '2026-11-26T13:00'],
      ])
    }
  })

  test('that has missed ticks is by its rule', () => {
    const late = (rule: CatchUp) => turn(rule, HOURLY, '2026-11-26T09:00', '2026-11-26T12:30:00Z')
    expect(late('none')).toEqual([null, '2026-11-26T13:00'])
    expect(late('last')).toEqual(['2026-11-26T12:00', '2026-11-26T13:00'])
    expect(late('all')).toEqual(['2026-11-26T09:00', '2026-11-26T10:00'])
  })

  test('that has missed ticks, and has one on time, is that one, unless it wants all', () => {
    const late = (rule: CatchUp) => turn(rule, HOURLY, '2026-11-26T09:00', '2026-11-26T12:01:00Z')
    expect(late('none')).toEqual(['2026-11-26T12:00', '2026-11-26T13:00'])
    expect(late('last')).toEqual(['2026-11-26T12:00', '2026-11-26T13:00'])
    expect(late('all')).toEqual(['2026-11-26T09:00', '2026-11-26T10:00'])
  })

  test('of every minute, a minute late, is the newest and not two', () => {
    for (const rule of ['none', 'last'] as const) {
      expect(turn(rule, '* * * * *', '2026-11-26T12:00', '2026-11-26T12:01:05Z')).toEqual([
        '2026-11-26T12:01',
        '2026-11-26T12:02',
      ])
    }
  })

  test('across the change of the clock waits for the tick after', () => {
    const berlin = { cron: '30 2 * * *', timezone: 'Europe/Berlin', catch_up: 'last' } as const
    const spring = turnOf(berlin, at('2026-03-29T01:00'), new Date('2026-03-29T01:00:10Z'))
    expect([short(spring?.tick), short(spring?.following)]).toEqual([
      '2026-03-29T01:00',
      '2026-03-30T00:30',
    ])
    const autumn = turnOf(berlin, at('2026-10-25T00:30'), new Date('2026-10-25T01:30:10Z'))
    expect([short(autumn?.tick), short(autumn?.following)]).toEqual([
      '2026-10-25T00:30',
      '2026-10-26T01:30',
    ])
  })
})
