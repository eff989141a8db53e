// A roster editor plants and fills a gap, officers swap a shift, and a duty leader takes a seat out of service, in real
// browsers against a running server; the wall says what it should and is quiet again.
//
//   node dashboards/e2e/roster.e2e.mjs --url http://127.0.0.1:8080 --banyan bin/banyan --data DIR --city DIR --shots DIR
//
// The server must serve the built pages and a city like configs/fuzhou whose roster has no gap; --data is its data
// folder, in which keys and an account are made. Exits 1 and says what is wrong when something is.

import assert from 'node:assert/strict'
import { gone, live, look, PASSWORD, shell, SIZE, Stage, until, ZOOMED } from './console-desk.mjs'
import { begin } from './story.mjs'

const WITHIN_MS = 8_000
const AHEAD = 2 // days: within what is looked ahead for gaps, and not begun

const { o, step, tell } = await begin('roster')
const stage = new Stage(o)

const probe = stage.key('officer', '--seat', 'commander', '--name', 'e2e')
const gapsNow = async () => (await stage.call(probe, 'rosters/gaps?hours=72')).gaps
const seatOf = async (id) => (await stage.call(probe, 'seats')).seats.find((s) => s.id === id)

// dayOf is the roster of a day in the city some days from now.
async function dayOf(n) {
  const { time_zone: zone } = await stage.call(probe, 'city')
  const date = new Intl.DateTimeFormat('en-CA', { timeZone: zone }).format(Date.now() + n * 86_400_000)
  return stage.call(probe, 'rosters/' + date)
}

const shiftOf = (day, seat, shift) => day.seats.find((s) => s.seat === seat).spans.find((s) => s.shift === shift)
const instant = (iso) => Date.parse(iso)

// readable looks at the page at both sizes, and keeps the smaller one under a name.
async function readable(page, name = '') {
  for (const size of [SIZE, ZOOMED]) {
    await page.setViewportSize(size)
    assert.deepEqual(await look(page), { faint: [], nameless: [], wide: [] })
    if (name) await stage.shot(page, `${name}-${size.width}`)
  }
  await page.setViewportSize(SIZE)
}

async function main() {
  await stage.known(probe)
  const day = await dayOf(AHEAD)
  const shift = shiftOf(day, 'fire-1', 'day')
  const [asks, takes] = [shift.holder, shiftOf(day, 'fire-2', 'evening').holder]
  const slot = (page) => page.locator(`.slot[data-slot="fire-1@${shift.from}"]`)
  const keys = {
    wall: stage.key('wall', '--name', 'roster'), leader: stage.key('officer', '--seat', 'fire-leader', '--name', '带班测试员'),
    asks: stage.key('officer', '--seat', 'fire-1', '--name', asks), takes: stage.key('officer', '--seat', 'fire-2', '--name', takes),
  }
  stage.person('roster-e2e', '排班测试员', 'fire', PASSWORD, 'roster_editor')
  await stage.known(keys.takes)
  assert.deepEqual(await gapsNow(), [], 'the roster has a gap before anything was done')
  await stage.open()

  const wall = await stage.desk(o.url, '#token=' + keys.wall, '/wall/')
  await wall.setViewportSize({ width: 1920, height: 1080 })
  const leader = await stage.desk(o.url, '#token=' + keys.leader)
  const editor = await stage.desk(o.url)

  await step('a roster editor signs in to the week of the department; the wall is quiet', async () => {
    await editor.getByLabel('登录名').fill('roster-e2e')
    await editor.getByLabel('密码').fill(PASSWORD)
    await editor.keyboard.press('Enter')
    await editor.locator('[data-roster="fire"][data-edits="true"]').waitFor({ timeout: 10_000 })
    await slot(editor).waitFor({ timeout: WITHIN_MS })
    await wall.locator('.wall[data-trust="live"]').waitFor({ timeout: 20_000 })
    assert.equal(await wall.locator('.ahead').count(), 0)
    await live(leader)
    stage.complaints = stage.complaints.filter((c) => !/401|404|WebGL|GL Driver/.test(c))
  })

  await step('leave without a substitute is a gap: on the grid, on the wall, before the duty leader', async () => {
    await slot(editor).focus()
    await editor.keyboard.press('q')
    await shell(editor, 'leave').waitFor()
    await editor.keyboard.press('Tab')
    await editor.keyboard.press('Tab')
    await editor.keyboard.press('Tab')
    await editor.keyboard.type('外出培训')
    await readable(editor, 'leave')
    await editor.keyboard.press('Enter')
    await editor.locator(`.slot[data-gap="true"][data-slot="fire-1@${shift.from}"]`).waitFor({ timeout: WITHIN_MS })
    assert.deepEqual((await gapsNow()).map((g) => [g.seat, instant(g.from), instant(g.to)]), [['fire-1', instant(shift.from), instant(shift.to)]])
    await wall.locator('.ahead [data-gap="fire-1"]').waitFor({ timeout: WITHIN_MS })
    assert.equal((await wall.locator('.ahead').innerText()).includes('培训'), false, 'the wall says why')
    await stage.shot(wall, 'roster-wall')
    await leader.keyboard.press('3')
    await leader.locator('[data-board] [data-gap="fire-1"]').waitFor({ timeout: WITHIN_MS })
    await stage.shot(leader, 'roster-board')
    await stage.shot(editor, 'roster-gap')
    await readable(editor)
    await readable(leader)
  })

  await step('a person dragged onto the gap fills it; the change is taken back, and made again by keyboard', async () => {
    await editor.locator(`[data-person="${takes}"]`).dragTo(slot(editor))
    await shell(editor, 'amend').waitFor()
    assert.equal(await shell(editor, 'amend').locator('[data-field="person"]').inputValue(), takes)
    await shell(editor, 'amend').locator('textarea').fill('顶班')
    await stage.shot(editor, 'roster-fill')
    await shell(editor, 'amend').locator('textarea').press('Enter')
    await until('the slot has its holder', () => slot(editor).innerText(), (s) => s.includes(takes), WITHIN_MS)
    await wall.locator('.ahead').waitFor({ state: 'detached', timeout: WITHIN_MS })
    await leader.locator('[data-board] [data-gaps="0"]').waitFor({ timeout: WITHIN_MS })
    await slot(editor).focus()
    await editor.keyboard.press('z')
    await shell(editor, 'unamend').waitFor()
    await editor.keyboard.press('ArrowDown') // the newest of two: the leave is the other
    await editor.keyboard.press('Enter')
    await editor.locator(`.slot[data-gap="true"][data-slot="fire-1@${shift.from}"]`).waitFor({ timeout: WITHIN_MS })
    await until('the form is away', () => shell(editor, 'unamend').count(), (n) => n === 0, WITHIN_MS)
    await slot(editor).focus()
    await editor.keyboard.press('z')
    await shell(editor, 'unamend').waitFor()
    await editor.keyboard.press('Enter')
    await until('the roster is as it was', () => slot(editor).innerText(), (s) => s.includes(asks), WITHIN_MS)
    assert.deepEqual(await gapsNow(), [])
    await slot(editor).focus()
    await editor.keyboard.press('t')
    await editor.keyboard.type(takes)
    for (let n = 0; n < 3; n++) await editor.keyboard.press('Tab')
    await editor.keyboard.type('换人')
    await editor.keyboard.press('Enter')
    await until('the slot has another holder', () => slot(editor).innerText(), (s) => s.includes(takes), WITHIN_MS)
    await slot(editor).focus()
    await editor.keyboard.press('z')
    await editor.keyboard.press('Enter')
    await until('the roster is as it was', () => slot(editor).innerText(), (s) => s.includes(asks), WITHIN_MS)
  })

  await step('a swap is asked for, accepted and approved by keyboard', async () => {
    const [one, other] = [await stage.desk(o.url, '#token=' + keys.asks), await stage.desk(o.url, '#token=' + keys.takes)]
    for (const page of [one, other]) await live(page)
    await one.keyboard.press('y')
    await shell(one, 'swaps').waitFor()
    await one.locator(`[data-shift="fire-1@${shift.from}"] [data-step="swap"]`).press('Enter')
    await shell(one, 'swap').waitFor()
    await one.keyboard.type(takes)
    await stage.shot(one, 'swap-ask')
    await one.keyboard.press('Tab')
    await one.keyboard.type('家中有事')
    await one.keyboard.press('Enter')
    await one.locator('[data-swap][data-state="asked"]').waitFor({ timeout: WITHIN_MS })
    await one.keyboard.press('Escape')
    await other.locator('[data-swaps="1"]').waitFor({ timeout: WITHIN_MS })
    await other.keyboard.press('y')
    await stage.shot(other, 'swap-accept')
    await other.locator('[data-step="accept"]').press('Enter')
    await other.locator('[data-swap][data-state="accepted"]').waitFor({ timeout: WITHIN_MS })
    await readable(other)
    assert.equal(shiftOf(await dayOf(AHEAD), 'fire-1', 'day').holder, asks, 'the roster has changed before it was approved')
    await leader.locator('.banner [data-swaps], .banner[data-swaps="1"]').first().waitFor({ timeout: WITHIN_MS })
    await leader.keyboard.press('y')
    await shell(leader, 'swaps').locator('[data-step="approve"]').press('Enter')
    await shell(leader, 'swaps').locator('[data-swap][data-state="approved"]').waitFor({ timeout: WITHIN_MS })
    await stage.shot(leader, 'swap-approved')
    await leader.keyboard.press('Escape')
    assert.equal(shiftOf(await dayOf(AHEAD), 'fire-1', 'day').holder, takes)
    await until('the editor sees it', async () => {
      await editor.reload()
      await slot(editor).waitFor({ timeout: WITHIN_MS })
      return slot(editor).innerText()
    }, (s) => s.includes(takes), WITHIN_MS)
    await one.close()
    await other.close()
  })

  await step('a seat in maintenance says so everywhere, until it is ended', async () => {
    const officer = await stage.desk(o.url, '#token=' + keys.takes)
    await live(officer)
    await leader.keyboard.press('i')
    await shell(leader, 'maintain').waitFor()
    await leader.keyboard.type('消防二席')
    for (let n = 0; n < 2; n++) await leader.keyboard.press('Tab')
    await leader.keyboard.type('更换显示屏')
    await readable(leader, 'maintenance-form')
    await stage.shot(leader, 'maintenance-form')
    await leader.keyboard.press('Enter')
    await leader.locator('[data-maintained="fire-2"]').waitFor({ timeout: WITHIN_MS })
    await officer.locator('[data-resting="fire-2"]').waitFor({ timeout: WITHIN_MS })
    await stage.shot(officer, 'maintenance')
    await wall.locator('.ahead [data-maintained="fire-2"]').waitFor({ timeout: WITHIN_MS })
    assert.ok((await seatOf('fire-2')).maintenance)
    await readable(officer)
    await leader.keyboard.press('Shift+I')
    await shell(leader, 'maintain-end').waitFor()
    await leader.keyboard.press('Enter')
    await gone(officer.locator('[data-resting]'))
    await wall.locator('.ahead').waitFor({ state: 'detached', timeout: WITHIN_MS })
    assert.equal((await seatOf('fire-2')).maintenance, undefined)
    await officer.close()
  })

  await step('nothing was complained about in the console', () => assert.deepEqual(stage.complaints.filter((c) => !/WebGL|GL Driver/.test(c)), []))
}

await tell(main, { failed: () => stage.failed('roster-failed'), done: () => stage.close() })
