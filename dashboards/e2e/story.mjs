// How every story is begun, told step by step, and ended.

import { mkdir } from 'node:fs/promises'
import { parseArgs } from 'node:util'

export const SERVED = ['url', 'banyan', 'data', 'city', 'shots'] // what a story needs that makes its own keys

// begin reads the options of a story: those it needs, and more in the form of parseArgs. What it returns runs a step,
// and tells the whole; failed is called where it fails, and done in the end, whatever came of it.
export async function begin(name, needs = SERVED, more = {}) {
  const fail = (e) => {
    console.error(`${name} e2e: FAILED: ${e?.stack ?? e}`)
    process.exit(1)
  }
  const asked = Object.fromEntries(needs.map((n) => [n, { type: 'string' }]))
  const { values: o } = parseArgs({ options: { ...asked, chromium: { type: 'string', default: '/usr/bin/chromium' }, ...more } })
  for (const need of needs) {
    if (!o[need]) fail(new Error(`--${need} is missing`))
  }
  await mkdir(o.shots, { recursive: true })

  async function step(what, run) {
    const began = performance.now()
    try {
      await run()
    } catch (e) {
      if (e instanceof Error) e.message = `${what}: ${e.message}`
      throw e
    }
    console.log(`ok  ${what} (${Math.round(performance.now() - began)} ms)`)
  }

  async function tell(main, { failed = async () => {}, done = async () => {} }) {
    try {
      await main()
      console.log(`${name} e2e: passed; screenshots in ${o.shots}`)
    } catch (e) {
      await failed().catch((again) => console.error(again))
      await done()
      fail(e)
    }
    await done()
    process.exit(0)
  }

  return { o, step, tell }
}
