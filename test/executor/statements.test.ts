import { describe, expect, test } from 'vitest'
import { splitStatements } from '../../src/executor/tools/statements.ts'

describe('a text is split at semicolons', () => {
  test.each<[what: string, text: string, statements: string[]]>([
    ['one', 'select 1', ['select 1']],
    ['two', 'select 1; select 2', ['select 1', 'select 2']],
    ['with an end', 'select 1;', ['select 1']],
    ['with empty ones', ';; select 1;\n;  ;', ['select 1']],
    ['none', '', []],
    ['white space', ' \n\t', []],
    ['on lines', 'select 1;\n\nselect\n  2;\n', ['select 1', 'select\n  2']],
  ])('%s', (_what, text, statements) => {
    expect(splitStatements(text)).toEqual(statements)
  })
})

describe('a semicolon does not split inside', () => {
  test.each<[what: string, statement: string]>([
    ['a string', "select 'a;b'"],
    ['a string with a doubled quote', "select 'it''s; so'"],
    ['a string with a backslash at its end', "select 'a\\', ';'"],
    ['an E-string with an escaped quote', "select E'it\\'s; so', e'\\\\'"],
    ['an E-string with a doubled quote', "select E'a'';b'"],
    ['a string over lines', "select 'a;\n;b'"],
    ['a quoted identifier', 'select 1 as "a;b""c;"'],
    ['dollar quotes', 'do $$ begin; end; $$'],
    ['tagged dollar quotes', 'do $body$ select $$;$$; $other$;$other$ $body$'],
    ['tags of other letters', 'select $ž1$;$ž1$'],
    ['a line comment', 'select 1 -- a; b\n + 1'],
    ['a block comment', 'select /* a; b */ 1'],
    ['nested block comments', 'select /* a /* ; */ ; */ 1'],
    ['a comment with a quote', "select 1 -- it's; so"],
    ['a block comment with a quote', "select /* ' ; */ 1"],
    ['a string with a comment', "select '--', '/*;'"],
    ['parentheses', 'create rule r as on insert to t do also (select 1; select 2)'],
    [
      'the body of an SQL routine',
      'create or replace function f() returns int begin atomic select case when true then 1 end; select 2; end',
    ],
  ])('%s', (_what, statement) => {
    expect(splitStatements(`${statement}\n; select 2`)).toEqual([statement, 'select 2'])
  })
})

describe('what looks like a quote is none', () => {
  test.each<[what: string, text: string, statements: string[]]>([
    ['a dollar in a name', 'select a$b$; select c$b$', ['select a$b$', 'select c$b$']],
    ['a parameter', 'select $1; select $2', ['select $1', 'select $2']],
    [
      'a name that ends with e',
      "select date'2026-01-02\\'; select 2",
      ["select date'2026-01-02\\'", 'select 2'],
    ],
    ['a minus', 'select 1 - 2; select 3 -4', ['select 1 - 2', 'select 3 -4']],
    ['a division', 'select 6 / 2; select 2 * 3', ['select 6 / 2', 'select 2 * 3']],
  ])('%s', (_what, text, statements) => {
    expect(splitStatements(text)).toEqual(statements)
  })
})

describe('what is left open goes to the end, for the database to refuse', () => {
  test.each(["select 'a; b", 'select "a; b', 'do $$ a; b', 'select 1 /* a; b', "select E'a\\'; b"])(
    '%s',
    (text) => {
      expect(splitStatements(text)).toEqual([text])
    },
  )
})

test('begin, case and end outside of a routine are words like others', () => {
  expect(splitStatements('begin; select case when a then b end; end; select 1')).toEqual([
    'begin',
    'select case when a then b end',
    'end',
    'select 1',
  ])
})

test('comments alone are no statement, and stay with the one they precede', () => {
  expect(splitStatements('-- one\n; /* two */ ; select 1 -- three')).toEqual(['select 1 -- three'])
  expect(splitStatements('-- why\nselect 1; -- after\n')).toEqual(['-- why\nselect 1'])
})

test('text within quotes is kept to the letter', () => {
  const text = "insert into t values ('a\r\n  b', '<>&', '--no comment', E'\\t')"
  expect(splitStatements(text)).toEqual([text])
})

test('a mebibyte is split in no time', () => {
  expect(splitStatements("select 'a;';\n".repeat(80_000))).toHaveLength(80_000)
}, 2_000)
