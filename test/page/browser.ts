// Debian's Chromium, driven: what looks at the page as a person would.
import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const PLACES = [process.env.CHROMIUM ?? '', '/usr/bin/chromium', '/usr/bin/chromium-browser']

/** Where a Chromium is; null where there is none. */
export function findChromium(): string | null {
  return PLACES.find((place) => place !== '' && existsSync(place)) ?? null
}

/** A browser that asks nobody but whom a page asks. */
export async function openBrowser(executablePath: string): Promise<Browser> {
  return await chromium.launch({
    executablePath,
    headless: true,
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

const PERSON = { timezoneId: 'Europe/Berlin', locale: 'en-GB' }

/** The ways in which the page is looked at. */
export const LOOKS = {
  light: { ...PERSON, viewport: { width: 1280, height: 900 }, colorScheme: 'light' },
  dark: { ...PERSON, viewport: { width: 1280, height: 900 }, colorScheme: 'dark' },
  phone: { ...PERSON, viewport: { width: 360, height: 740 }, colorScheme: 'light' },
} satisfies Record<string, BrowserContextOptions>

/** Writes down what a page should not do: complain on its console, break its policy, ask another host. */
export function complaintsOf(page: Page, host: string): string[] {
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error.stack)))
  page.on('request', (request) => {
    const { protocol, host: asked } = new URL(request.url())
    if (protocol !== 'data:' && asked !== host) complaints.push(`asked ${request.url()}`)
  })
  return complaints
}
