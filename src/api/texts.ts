// The API's description as it is served. dev/texts.ts runs this in Node and keeps what comes of it, which the
// Worker carries beside its bundle: it is the same in every isolate, and what makes it is large.

import { version } from '../../package.json'
import { app } from '../app.ts'
import { declarationOf } from '../operation.ts'
import { describeApi } from './openapi.ts'
import { pageOf } from './page.ts'

/** What the app's declarations say: JSON and a page, by the names of their texts. */
export function texts() {
  const operations = app.routes.flatMap(({ method, path, handler }) => {
    const declaration = declarationOf(handler)
    return declaration ? [{ method, path, declaration }] : []
  })
  const description = describeApi(operations, version)
  return { openapi: JSON.stringify(description), docs: String(pageOf(description)) }
}
