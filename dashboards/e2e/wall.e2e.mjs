// Opens the wall in a real browser against a running server and looks at it as a duty leader would.
//
//   node dashboards/e2e/wall.e2e.mjs --url http://127.0.0.1:8080 --token-file wall.token --post-key-file source.token --measure-key-file traffic.token --shots DIR
//
// The first token is of role wall, the second of a source that may send fire.building, the third of source
// traffic of Fuzhou, whose road state is a layer. The server must serve the built pages. --chromium names the browser (default /usr/bin/chromium); --no-map accepts a browser without WebGL.
// Exits 1 and says what is wrong when something is.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { startProxy } from './proxy.mjs'
import { begin } from './story.mjs'

const FLAGS = [
  '--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--use-gl=angle', '--use-angle=gl-egl', '--ignore-gpu-blocklist',
]
const SIZES = [[1920, 1080], [3840, 2160], [3840, 1080]]
const LEAST_TEXT = 0.022 // of the screen's height
const ROW_WITHIN_MS = 5_000
// Places in Fuzhou, far enough from each other to be incidents of their own. The later ones of a list are for a
// busy city, where an alert may join an incident that is being handled and has its place already.
const FIRST = [{ lon: 119.2965, lat: 26.0745 }, { lon: 119.32, lat: 26.045 }, { lon: 119.25, lat: 26.11 }, { lon: 119.14, lat: 26.15 }]
const WHILE_CUT = [{ lon: 119.52, lat: 25.96 }, { lon: 119.375, lat: 25.72 }, { lon: 118.86, lat: 26.22 }, { lon: 119.54, lat: 26.2 }]
const COVER = ['8541b533fffffff', '8541b597fffffff'] // H3 cells of Fuzhou

const { o, step, tell } = await begin('wall', ['url', 'token-file', 'post-key-file', 'measure-key-file', 'shots'], { 'no-map': { type: 'boolean', default: false } })
const token = (await readFile(o['token-file'], 'utf8')).trim()
const postKey = (await readFile(o['post-key-file'], 'utf8')).trim()
const measureKey = (await readFile(o['measure-key-file'], 'utf8')).trim()
const run = Date.now().toString(36)

async function get(path) {
  const r = await fetch(`${o.url}/api/v1/${path}`, { headers: { authorization: 'Bearer ' + token } })
  assert.equal(r.status, 200, `GET ${path} answered ${r.status}`)
  return r.json()
}

// post sends an alert and returns the id of its incident, in which somebody is still to acknowledge.
async function post(name, places, more = {}) {
  for (const [n, location] of places.entries()) {
    const body = { id: `wall-e2e-${run}-${name}-${n}`, type: 'fire.building', occurred_at: new Date().toISOString(), location, text: 'wall e2e', ...more }
    const r = await fetch(o.url + '/api/v1/alerts', {
      method: 'POST', headers: { authorization: 'Bearer ' + postKey, 'content-type': 'application/json' }, body: JSON.stringify(body),
    })
    const text = await r.text()
    assert.equal(r.status, 202, `POST alerts answered ${r.status}: ${text}`)
    const { incident_id, tasks } = JSON.parse(text)
    if (tasks.some((t) => t.state === 'assigned' || t.state === 'unstaffed')) return incident_id
  }
  throw new Error('every alert joined an incident that is being handled already')
}

// segments are the stretches of road that the city's register knows.
const segments = (await readFile(new URL('../../configs/fuzhou/registers/roads.csv', import.meta.url), 'utf8'))
  .split('\n').filter((l) => /^\d/.test(l)).map((l) => l.split(',')[0])

// measure sends a reading of every stretch of road: none calls for anybody.
async function measure(index) {
  const time = new Date(Date.now() + 8 * 3_600_000).toISOString().replace(/\D/g, '').slice(0, 14) // Asia/Shanghai
  const lines = segments.map((segment) => JSON.stringify({ segment, index, minutes: 0, closed: false, since: time, time }))
  const r = await fetch(o.url + '/api/v1/alerts:batch', { method: 'POST', headers: { authorization: 'Bearer ' + measureKey, 'content-type': 'application/x-ndjson' }, body: lines.join('\n') })
  const text = await r.text()
  assert.equal(r.status, 200, `POST alerts:batch answered ${r.status}: ${text}`)
  assert.equal(text.split('; on the layer: ').length - 1, segments.length, text.slice(0, 500))
}

// coloured counts the points of the map on the screen that have a colour, near enough. The picture is read in a page of
// its own: that of the wall may load none.
async function coloured(page, [r, g, b]) {
  const png = (await page.locator('.map-place').screenshot()).toString('base64')
  const judge = await browser.newPage()
  const n = await judge.evaluate(async ([png, r, g, b]) => {
    const image = await createImageBitmap(await (await fetch('data:image/png;base64,' + png)).blob())
    const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d')
    canvas.drawImage(image, 0, 0)
    const { data } = canvas.getImageData(0, 0, image.width, image.height)
    let n = 0
    for (let i = 0; i < data.length; i += 4) {
      if (Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 40) n++
    }
    return n
  }, [png, r, g, b])
  await judge.close()
  return n
}

const rowOf = (page, id) => page.locator(`[data-incident="${id}"]`)
const shot = (page, name) => page.screenshot({ path: join(o.shots, name + '.png') })
const trusted = (page, how, timeout) => page.locator(`.wall[data-trust="${how}"]`).waitFor({ timeout })

// Console messages that are no defect: what a browser says of a link the test itself has cut.
const OF_A_CUT = /net::ERR_|WebSocket connection to .* failed|Failed to fetch|^(areas|seats|cells|outlines|layers): /

const proxy = await startProxy(o.url)
const browser = await chromium.launch({ executablePath: o.chromium, args: FLAGS })
const complaints = []
let cut = false

async function open(size, fragment) {
  const page = await browser.newPage({ viewport: { width: size[0], height: size[1] } })
  page.on('console', (m) => {
    if (m.type() !== 'error' && m.type() !== 'warning') return
    if (cut && OF_A_CUT.test(m.text())) return
    if (o['no-map'] && m.text().startsWith('map: ')) return
    if (m.text().includes('GPU stall due to ReadPixels')) return // a screenshot of WebGL drawn in software
    complaints.push(`${m.type()}: ${m.text()}`)
  })
  page.on('pageerror', (e) => complaints.push('exception: ' + e.message))
  await page.goto(`${proxy.url}/wall/${fragment}`)
  return page
}

// look measures what rule 1 of a wall asks: text large enough, and nothing beyond the screen's edge.
function look(page) {
  return page.evaluate((least) => {
    const small = []
    const outside = []
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    for (let n = walk.nextNode(); n; n = walk.nextNode()) {
      const e = n.parentElement
      if (!e || !n.textContent?.trim() || e.closest('noscript, script, .map-place')) continue
      const box = e.getBoundingClientRect()
      if (box.width === 0) continue
      const scale = e instanceof SVGElement ? e.getScreenCTM().a : 1
      const size = parseFloat(getComputedStyle(e).fontSize) * scale
      if (size < innerHeight * least - 0.05) small.push(`"${n.textContent.trim()}" ${size.toFixed(1)}px`)
      if (box.bottom > innerHeight + 1 || box.right > innerWidth + 1) outside.push(n.textContent.trim())
    }
    return { small, outside }
  }, LEAST_TEXT)
}

// shown reads the counts off the screen.
const shown = (page) => page.evaluate(() => {
  const number = (e) => Number(e?.textContent)
  const priorities = {}
  for (const c of document.querySelectorAll('.count')) {
    const [unacknowledged, overdue] = [...c.querySelectorAll('.count-part b')].map(number)
    priorities[c.dataset.priority] = { open: number(c.querySelector('.count-open')), unacknowledged, overdue }
  }
  const departments = {}
  for (const d of document.querySelectorAll('.tile')) {
    const [open, unacknowledged, overdue] = [...d.querySelectorAll('.tile-load b')].map(number)
    departments[d.dataset.department] = { open, unacknowledged, overdue }
  }
  return { priorities, departments }
})

// agree waits for a moment in which the screen and the server count the same. Both move, so each figure on the
// screen must lie between two readings of the server, one on each side; where nothing moves that means equal.
async function agree(page) {
  const figures = (c) => ({ ...c.priorities, ...(Array.isArray(c.departments) ? Object.fromEntries(c.departments.map((d) => [d.id, d])) : c.departments) })
  let difference
  for (let n = 0; n < 60; n++) {
    const before = figures(await get('statistics/now'))
    await page.waitForTimeout(250)
    const screen = figures(await shown(page))
    const after = figures(await get('statistics/now'))
    assert.ok(Object.keys(screen).length > 4, 'the screen shows no counts')
    difference = Object.entries(screen).flatMap(([name, counts]) => Object.entries(counts).flatMap(([what, n]) => {
      const [a, b] = [before[name]?.[what], after[name]?.[what]]
      return n >= Math.min(a, b) && n <= Math.max(a, b) ? [] : [`${name} ${what}: the screen shows ${n}, the server said ${a} and then ${b}`]
    }))
    if (difference.length === 0) return
  }
  throw new Error(difference.join('; '))
}

async function main() {
  await step('without a key the page says what to do', async () => {
    const page = await open(SIZES[0], '')
    await page.getByText('banyan key add --role wall --name hall').waitFor({ timeout: 10_000 })
    await shot(page, 'no-key')
    await page.close()
  })

  const page = await open(SIZES[0], '#token=' + encodeURIComponent(token))
  await step('the first picture comes', () => trusted(page, 'live', 20_000))
  await step('the map is drawn', () => page.locator(`.map[data-map="${o['no-map'] ? 'failed' : 'ready'}"]`).waitFor({ timeout: 30_000 }))
  await step('every joined department has a tile', async () => {
    const city = await get('city')
    const joined = city.departments.filter((d) => d.joined !== false && d.id !== 'centre')
    assert.equal(await page.locator('.tile').count(), joined.length)
    assert.ok((await page.locator('.top h1').textContent()).startsWith(city.name))
  })
  await step('the counts are the server\'s', () => agree(page))

  await step(`a new P1 has its row within ${ROW_WITHIN_MS} ms`, async () => {
    const id = await post('first', FIRST)
    await rowOf(page, id).waitFor({ timeout: ROW_WITHIN_MS })
    assert.equal(await rowOf(page, id).getAttribute('data-priority'), 'P1')
    await shot(page, 'p1')
  })

  await step('a warning says its level in words and a drill that it is one, and what it is about lies on the map', async () => {
    const id = await post('warned', FIRST, { warning_level: 'orange', exercise: true, cover: { cells: COVER } })
    await rowOf(page, id).locator('[data-warning="orange"]', { hasText: '橙色预警' }).waitFor({ timeout: ROW_WITHIN_MS })
    await rowOf(page, id).getByText('演练').waitFor()
    if (!o['no-map']) await page.locator(`.map-place[data-covers="${COVER.length}"]`).waitFor({ timeout: ROW_WITHIN_MS })
    await shot(page, 'warned')
  })

  await step('what a source measures is drawn as its layer, and drawn anew when it changes', async () => {
    if (o['no-map']) return
    const yellow = [0xff, 0xe0, 0x45]
    const state = (name) => page.locator(`[data-layer="traffic"] [data-state="${name}"] b`)
    const all = (name) => page.waitForFunction(([name, n]) => document.querySelector(`[data-layer="traffic"] [data-state="${name}"] b`)?.textContent === n,
      [name, String(segments.length)], { timeout: 10_000 })
    await measure(1.2)
    await all('smooth')
    await page.locator('[data-layer="traffic"]').getByRole('button', { name: '聚焦图层' }).click()
    await page.locator('.map-rule').waitFor()
    await page.waitForTimeout(1_000)
    const before = await coloured(page, yellow)
    await shot(page, 'layer-smooth')
    await measure(6.6)
    await all('congested')
    assert.equal(await state('smooth').textContent(), '0')
    await page.waitForTimeout(1_000)
    const after = await coloured(page, yellow)
    await shot(page, 'layer-congested')
    assert.ok(after > before + 1_000, `${before} points of the map are yellow, and ${after} when every road is congested`)
    await page.keyboard.press('2')
    await page.locator('[data-layer="traffic"][data-on="false"]').waitFor()
    await page.locator('.map-rule').waitFor({ state: 'detached' })
    await page.waitForTimeout(1_000)
    const off = await coloured(page, yellow)
    assert.ok(off < after / 2, `${off} points are yellow with the layer off, ${after} with it on`)
    await page.keyboard.press('2')
    await page.keyboard.press('c')
  })

  for (const size of SIZES) {
    await step(`text is large enough and inside the screen at ${size.join('×')}, in both languages`, async () => {
      await page.setViewportSize({ width: size[0], height: size[1] })
      await page.waitForTimeout(1_500) // the map draws its marks anew
      for (const lang of ['zh', 'en']) {
        if ((await page.locator('.wall').getAttribute('data-lang')) !== lang) await page.keyboard.press('l')
        await page.locator(`.wall[data-lang="${lang}"]`).waitFor()
        assert.deepEqual(await look(page), { small: [], outside: [] })
        await shot(page, `${size.join('x')}-${lang}`)
      }
      await page.keyboard.press('l')
    })
  }
  await page.setViewportSize({ width: SIZES[0][0], height: SIZES[0][1] })

  await step('English is one click away, and remembered', async () => {
    await page.getByRole('button', { name: 'Switch to English' }).click()
    await page.getByRole('heading', { name: 'Departments' }).waitFor()
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'en')
    await page.reload()
    await page.getByRole('heading', { name: 'Departments' }).waitFor({ timeout: 20_000 })
    await page.getByRole('button', { name: '切换到中文' }).click()
    await page.getByRole('heading', { name: '联动部门' }).waitFor()
    await trusted(page, 'live', 20_000)
  })

  await step('F frames what is urgent and says so, C goes back', async () => {
    if (o['no-map']) return
    await page.locator('.map[data-map="ready"]').waitFor({ timeout: 30_000 })
    await page.keyboard.press('f')
    await page.locator('.map-rule').waitFor()
    await page.waitForTimeout(1_000)
    await shot(page, 'framed')
    await page.keyboard.press('c')
    await page.locator('.map-rule').waitFor({ state: 'detached' })
  })

  await step('a cut link is loud, and its age counts up', async () => {
    cut = true
    proxy.cut()
    await page.locator('.lost[data-lost="lost"]').waitFor({ timeout: 10_000 })
    const age = () => page.locator('.lost-age').textContent()
    const first = await age()
    await page.waitForFunction((was) => document.querySelector('.lost-age')?.textContent !== was, first, { timeout: 5_000 })
    assert.match(await age(), /^0:\d\d$/)
    assert.match(await page.locator('.map-place').evaluate((e) => getComputedStyle(e).filter), /grayscale\(1\)/)
    await shot(page, 'link-lost')
  })

  await step('a mended link misses nothing', async () => {
    const id = await post('while-cut', WHILE_CUT)
    await page.waitForTimeout(500)
    assert.equal(await rowOf(page, id).count(), 0, 'the row came through a link that is cut')
    proxy.mend()
    await trusted(page, 'live', 30_000)
    cut = false
    await rowOf(page, id).waitFor({ timeout: ROW_WITHIN_MS })
    await agree(page)
  })

  await step('a silent link is called stale after 15 s, and given up', async () => {
    cut = true
    const began = Date.now()
    proxy.freeze()
    await page.locator('.lost[data-lost="stale"]').waitFor({ timeout: 25_000 })
    const after = Date.now() - began
    assert.ok(after > 9_000, `after ${after} ms already`)
    await page.locator('.lost[data-lost="lost"]').waitFor({ timeout: 15_000 })
    await shot(page, 'stale')
    proxy.mend()
    await trusted(page, 'live', 40_000)
    cut = false
  })

  await step('a key that is not good shows the form', async () => {
    const said = complaints.length
    const other = await open(SIZES[0], '#token=not-a-key')
    await other.getByRole('alert').waitFor({ timeout: 10_000 })
    assert.equal(await other.locator('.wall').count(), 0)
    await other.close()
    const unexpected = complaints.splice(said).filter((c) => !c.includes('401'))
    complaints.push(...unexpected)
  })

  await step('nothing was complained about in the console', () => assert.deepEqual(complaints, []))
}

await tell(main, {
  failed: async () => {
    await shot(browser.contexts().flatMap((c) => c.pages()).at(0) ?? (await browser.newPage()), 'failed')
  },
  done: async () => {
    await browser.close()
    proxy.stop()
  },
})
