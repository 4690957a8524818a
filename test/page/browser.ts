// Debian's Chromium, driven: what looks at the page as a person would.
import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium } from 'playwright-core'

const PLACES = [process.env.CHROMIUM ?? '', '/usr/bin/chromium', '/usr/bin/chromium-browser']

/** Where a Chromium is; null where there is none. */
export function findChromium(): string | null {
  return PLACES.find((place) => place !== '' && existsSync(place)) ?? null
}

export interface Look {
  width?: number
  height?: number
  dark?: boolean
}

/** A browser without a past; it asks nobody but the page's own server. */
export async function openBrowser(
  executablePath: string,
  { width = 1280, height = 900, dark = false }: Look = {},
): Promise<BrowserContext> {
  return await chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), 'chromium-')), {
    executablePath,
    headless: true,
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    timezoneId: 'Europe/Berlin',
    locale: 'en-GB',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}
