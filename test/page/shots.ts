// Pictures of the page, to be looked at: node test/page/shots.ts URL FOLDER [VIEW ...]. Each view in light, in dark and on a
// phone; what the page says on its console is told, as nothing should be.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { complaintsOf, findChromium, LOOKS, openBrowser } from './browser.ts'
import { asker, fill, show, viewsOf } from './views.ts'

async function main(): Promise<void> {
  const [base = 'http://127.0.0.1:8787', folder = 'shots', ...wanted] = process.argv.slice(2)
  const chromium = findChromium()
  if (chromium === null) throw new Error('no Chromium: apt-get install chromium, or set CHROMIUM')
  mkdirSync(folder, { recursive: true })
  const ask = asker(base)
  await fill(ask)
  const views = Object.entries(await viewsOf(ask)).filter(
    ([name]) => wanted.length === 0 || wanted.includes(name),
  )
  const browser = await openBrowser(chromium)
  for (const [look, settings] of Object.entries(LOOKS)) {
    const page = await browser.newPage({ ...settings, baseURL: base })
    const complaints = complaintsOf(page, new URL(base).host)
    for (const [name, view] of views) {
      try {
        await show(page, view)
        await page.screenshot({ path: join(folder, `${name}-${look}.png`) })
      } catch (error) {
        console.log(`${name} in ${look}: ${error}`)
      }
    }
    for (const complaint of complaints) console.log(`${look}: ${complaint}`)
  }
  await browser.close()
}

if (import.meta.main) await main()
