import { expect, test } from 'vitest'
import { eventParser } from '../../src/page/sse.ts'

test('a stream gives the same events however it is cut', () => {
  const stream =
    '\uFEFF: hello\r\nid: 7\r\nevent: execution\ndata: {"a":\ndata:1}\n\nretry: 3\ndata\n\n\nevent: none\n\rdata:  two\r\r'
  const expected = [
    { type: 'execution', data: '{"a":\n1}', id: '7' },
    { type: 'message', data: '', id: '7' },
    { type: 'message', data: ' two', id: '7' },
  ]
  for (let size = 1; size <= stream.length; size++) {
    const parse = eventParser()
    const pieces = stream.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
    expect(pieces.flatMap(parse).concat(parse('\n'))).toEqual(expected)
  }
})

test('what has not ended is not told', () => {
  expect(eventParser()('data: half\n')).toEqual([])
})
