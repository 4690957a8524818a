import { describe, expect, inject, test } from 'vitest'
import { newClient } from '../support.ts'
import { oneStep } from './one-step.ts'

const client = newClient()
const ECHO = inject('echo')
/** The same server by another name: another origin. */
const OTHER = ECHO.replace('127.0.0.1', 'localhost')
const { resultOf, errorOf } = oneStep(client, { type: 'http', url: ECHO })
const redirect = (status: number, to: string) =>
  `${ECHO}/redirect/${status}?to=${encodeURIComponent(to)}`

describe('a redirect', () => {
  test('is followed, with what was sent, within one origin', async () => {
    const headers = { authorization: 'Bearer secret', 'x-key': 'secret' }
    const { data } = await resultOf({
      url: redirect(307, '/there'),
      method: 'POST',
      headers,
      json: { n: 1 },
    })
    expect(data).toMatchObject({ method: 'POST', path: '/there', body: '{"n":1}' })
    expect(data.headers).toMatchObject({ authorization: 'Bearer ***', 'x-key': 'secret' })
  })

  test('to another origin takes no header along that may be a secret', async () => {
    const headers = {
      authorization: 'Bearer secret',
      'x-key': 'secret',
      cookie: 'a=b',
      accept: 'text/x',
    }
    const { data } = await resultOf({ url: redirect(302, `${OTHER}/there`), headers })
    expect(data.path).toBe('/there')
    expect(data.headers.accept).toBe('text/x')
    expect(JSON.stringify(data.headers)).not.toContain('secret')
    expect(data.headers.authorization).toBeUndefined()
    expect(data.headers.cookie).toBeUndefined()
  })

  test('of a POST by 301, 302 and 303 becomes a GET without its body', async () => {
    for (const status of [301, 302, 303]) {
      const { data } = await resultOf({
        url: redirect(status, '/there'),
        method: 'POST',
        json: { n: 1 },
      })
      expect(data).toMatchObject({ method: 'GET', body: '' })
    }
  })

  test('in a circle is an error', async () => {
    const circle = `${ECHO}/redirect/302?to=${encodeURIComponent('/redirect/302?to=%2Fx')}`
    expect((await resultOf({ url: circle })).data.path).toBe('/x')
    let url = '/end'
    for (let n = 0; n < 12; n++) url = `/redirect/302?to=${encodeURIComponent(url)}`
    expect(await errorOf({ url: `${ECHO}${url}` })).toContain('redirects more than 10 times')
  })

  test('to what is no web address is an error', async () => {
    expect(await errorOf({ url: redirect(302, 'file:///etc/passwd') })).toContain(
      'no http or https address',
    )
  })
})
