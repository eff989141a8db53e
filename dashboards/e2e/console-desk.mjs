// What the stories of consoles need: people with keys, their pages, and ways to look at them.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const FLAGS = ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--autoplay-policy=user-gesture-required']
export const SIZE = { width: 1366, height: 768 }
export const ZOOMED = { width: 683, height: 384 } // the same screen at 200%
export const PASSWORD = 'correct horse battery staple'
const LEAST_CONTRAST = 4.5

// What a browser says of a link the test itself has cut, and of requests the test itself has refused.
const OF_A_CUT = /net::ERR_|WebSocket connection to .* failed|Failed to fetch|^(areas|seats|roster): /

export class Stage {
  complaints = []
  pages = []
  cut = false // from now on what a cut link says is no complaint

  constructor(o) {
    this.o = o
  }

  async open() {
    this.browser = await chromium.launch({ executablePath: this.o.chromium, args: FLAGS })
  }

  // key makes the key of an officer at a seat.
  key(role, ...args) {
    return execFileSync(this.o.banyan, ['key', 'add', '--data', this.o.data, '--role', role, ...args], { encoding: 'utf8' }).trim()
  }

  // person makes an account; department is '' for roles that have none.
  person(name, display, department, password, role = 'officer') {
    const of = department ? ['--department', department] : []
    execFileSync(this.o.banyan, ['user', 'add', '--data', this.o.data, '--name', name, '--display', display, ...of, '--role', role], { input: password + '\n' })
  }

  // administer asks for something as a person whom only the HTTP interface serves.
  async administer(name, password, path) {
    const headers = { origin: this.o.url, 'content-type': 'application/json' }
    const door = await fetch(this.o.url + '/api/v1/login', { method: 'POST', headers, body: JSON.stringify({ name, password }) })
    assert.ok(door.ok, `${name} is not let in: ${door.status}`)
    const r = await fetch(`${this.o.url}/api/v1/${path}`, { method: 'POST', headers: { ...headers, cookie: door.headers.get('set-cookie').split(';')[0] } })
    assert.ok(r.ok, `${path} answered ${r.status}: ${await r.text()}`)
  }

  // known waits until the server has read the keys that were made, of which this is the last.
  known(token) {
    return until('the key is known', () => fetch(this.o.url + '/api/v1/city', { headers: { authorization: 'Bearer ' + token } }), (r) => r.status !== 401 && r.status < 500, 10_000)
  }

  // call asks with a key; a body that is a string is a CAP message.
  async call(token, path, body) {
    const cap = typeof body === 'string'
    const r = await fetch(`${this.o.url}/api/v1/${path}`, {
      method: body ? 'POST' : 'GET', headers: { authorization: 'Bearer ' + token, 'content-type': cap ? 'application/cap+xml' : 'application/json' },
      ...(body ? { body: cap ? body : JSON.stringify(body) } : {}),
    })
    const text = await r.text()
    assert.ok(r.ok, `${path} answered ${r.status}: ${text}`)
    return JSON.parse(text)
  }

  // desk opens a page of its own: another officer's browser shares nothing with it.
  async desk(base, fragment = '', path = '/console/') {
    const context = await this.browser.newContext({ viewport: SIZE })
    const page = await context.newPage()
    page.on('console', (m) => {
      if (m.type() !== 'error' && m.type() !== 'warning') return
      if (this.cut && OF_A_CUT.test(m.text())) return
      this.complaints.push(`${m.type()}: ${m.text()}`)
    })
    page.on('pageerror', (e) => this.complaints.push('exception: ' + e.message))
    await page.goto(base + path + fragment)
    this.pages.push(page)
    return page
  }

  shot(page, name) {
    return page.screenshot({ path: join(this.o.shots, name + '.png') })
  }

  // failed keeps what is to be seen when a story fails.
  async failed(name) {
    for (const [n, page] of this.pages.entries()) if (!page.isClosed()) await this.shot(page, `${name}-${n}`).catch(() => {})
    console.error(this.complaints.join('\n'))
  }

  async close() {
    await this.browser?.close()
  }
}

export const row = (page, task) => page.locator(`[data-row="${task}"]`)
export const live = (page, timeout = 20_000) => page.locator('.desk[data-trust="live"]').waitFor({ timeout })
export const selected = (page) => page.locator('.desk').getAttribute('data-selected')
export const inState = (page, task, state, timeout = 10_000) => page.locator(`[data-row="${task}"][data-state="${state}"]`).waitFor({ timeout })
export const shell = (page, name) => page.locator(`[data-shell="${name}"]`)
export const gone = (locator) => locator.waitFor({ state: 'detached', timeout: 10_000 })

// until asks again and again until what it gets is what is wanted; a bound ends it.
export async function until(what, get, wanted, withinMs) {
  const began = Date.now()
  let got
  while (Date.now() - began < withinMs) {
    got = await get()
    if (wanted(got)) return { got, tookMs: Date.now() - began }
    await new Promise((done) => setTimeout(done, 100))
  }
  throw new Error(`${what}: not within ${withinMs} ms; last ${JSON.stringify(got)?.slice(0, 400)}`)
}

// signOn takes the seat with the keyboard; whoever the roster does not name says why.
export async function signOn(page, why = '') {
  await page.keyboard.press('o')
  await shell(page, 'sign-on').waitFor()
  if (await shell(page, 'sign-on').locator('textarea').count()) await page.keyboard.type(why || '替班')
  await page.keyboard.press('Enter')
  await page.locator('.top [data-presence="present"]').waitFor({ timeout: 10_000 })
}

// look measures what everybody must be able to read and reach: contrast, names of controls, nothing cut off at the side or,
// of a dialog, below.
export function look(page) {
  return page.evaluate((least) => {
    const rgb = (s) => (s.match(/[\d.]+/g) ?? []).map(Number)
    const luminance = ([r, g, b]) => {
      const f = (v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
      return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b)
    }
    const over = (top, under) => top.slice(0, 3).map((v, i) => v * (top[3] ?? 1) + under[i] * (1 - (top[3] ?? 1)))
    const ground = (e) => {
      const layers = []
      for (let n = e; n; n = n.parentElement) {
        const c = rgb(getComputedStyle(n).backgroundColor)
        if ((c[3] ?? 1) > 0) layers.push(c)
        if ((c[3] ?? 1) === 1) break
      }
      return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255])
    }
    const faint = new Set()
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    for (let n = walk.nextNode(); n; n = walk.nextNode()) {
      const e = n.parentElement
      if (!e || !n.textContent.trim() || e.closest('noscript, script, svg, :disabled, .p1-alarm') || !e.checkVisibility()) continue
      const back = ground(e)
      const front = over(rgb(getComputedStyle(e).color), back)
      const [a, b] = [luminance(front), luminance(back)].sort((x, y) => y - x)
      const contrast = (a + 0.05) / (b + 0.05)
      if (contrast < least) faint.add(`"${n.textContent.trim().slice(0, 30)}" ${contrast.toFixed(2)}`)
    }
    const nameless = [...document.querySelectorAll('button, input, textarea, select, [role="listbox"], dialog')].filter((e) =>
      !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length)).map((e) => e.outerHTML.slice(0, 120))
    const wide = document.documentElement.scrollWidth > innerWidth + 1 ? [`the page is ${document.documentElement.scrollWidth} px wide in a window of ${innerWidth}`] : []
    // What sends a form and what leaves it must be in sight without scrolling.
    for (const b of document.querySelectorAll('dialog[open]:not(.wide) .form-do button')) {
      const box = b.getBoundingClientRect()
      if (box.top < 0 || box.bottom > innerHeight || !b.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2))) wide.push(`"${b.textContent}" is out of sight`)
    }
    return { faint: [...faint], nameless, wide }
  }, LEAST_CONTRAST)
}
