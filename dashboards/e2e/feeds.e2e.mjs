// The sources as a duty leader sees them: one sends what cannot be mapped, which is held and shown with the reason;
// what is sealed of an alert is opened with a reason and is then in the timeline; a wall sees nothing of it.
//
//   node dashboards/e2e/feeds.e2e.mjs --url http://127.0.0.1:8080 --banyan bin/banyan --data DIR --shots DIR
//
// The server must serve the built pages and a city like configs/fuzhou with two sources more, as test/console_test.go
// adds them; --data is its data folder, in which keys and an account are made. Exits 1 and says what is wrong.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { live, look, PASSWORD, shell, SIZE, Stage, until, ZOOMED } from './console-desk.mjs'
import { begin } from './story.mjs'

const WITHIN_MS = 8_000
const SECRET = '13900001111'

const { o, step, tell } = await begin('feeds')
const stage = new Stage(o)

async function main() {
  const [hotline, meters, wallKey] = [stage.key('source', '--source', 'e2e-hotline'), stage.key('source', '--source', 'e2e-meters'), stage.key('wall', '--name', 'feeds')]
  stage.person('feeds-e2e', '带班测试员', 'police', PASSWORD, 'duty_leader')
  await stage.known(wallKey)
  await stage.open()
  const wall = await stage.desk(o.url, '#token=' + wallKey, '/wall/')
  const leader = await stage.desk(o.url)

  await step('a duty leader signs in and opens the sources', async () => {
    await leader.getByLabel('登录名').fill('feeds-e2e')
    await leader.getByLabel('密码').fill(PASSWORD)
    await leader.keyboard.press('Enter')
    await leader.locator('[data-seat="police-leader"]').focus()
    await leader.keyboard.press('Enter')
    await live(leader)
    await leader.keyboard.press('5')
    await leader.locator('[data-source="e2e-meters"]').waitFor({ timeout: WITHIN_MS })
    stage.complaints = stage.complaints.filter((c) => !/401|404|WebGL|GL Driver/.test(c))
  })

  await step('what cannot be mapped is held, shown with the reason and as it came, and held on after a replay', async () => {
    await stage.call(meters, 'alerts', { no: 'm-1', kind: '没有这一类', at: new Date().toISOString(), where: { x: 119.3, y: 26.08 } })
    await until('the count', () => leader.locator('[data-source="e2e-meters"]').innerText(), (s) => /\s1\s*$/.test(s), 2 * WITHIN_MS)
    await leader.locator('[data-source="e2e-meters"] button').focus()
    await leader.locator('[data-held] .raw', { hasText: '没有这一类' }).waitFor({ timeout: WITHIN_MS })
    for (const size of [SIZE, ZOOMED]) {
      await leader.setViewportSize(size)
      assert.deepEqual(await look(leader), { faint: [], nameless: [], wide: [] })
    }
    await leader.setViewportSize(SIZE)
    await stage.shot(leader, 'feeds')
    await leader.keyboard.press('t')
    await leader.getByRole('status').filter({ hasText: '仍隔离 1 条' }).first().waitFor({ timeout: WITHIN_MS })
    await leader.keyboard.press('Escape')
  })

  await step('what is sealed is opened with a reason, written down, and never on a wall', async () => {
    const body = { id: 'h-1', type: 'crime.domestic', occurred_at: new Date().toISOString(), location: { lon: 119.3, lat: 26.08 }, text: '来电求助', attributes: { caller: SECRET } }
    const { incident_id: id } = await stage.call(hotline, 'alerts', body)
    await leader.keyboard.press('2')
    await leader.locator(`[data-incident="${id}"]`).first().click({ timeout: WITHIN_MS })
    await leader.locator(`[data-shown="${id}"]`).waitFor({ timeout: WITHIN_MS })
    assert.equal((await leader.locator('body').innerText()).includes(SECRET), false)
    await leader.keyboard.press('b')
    await shell(leader, 'unseal').waitFor()
    await leader.keyboard.type('回访来电人')
    await leader.keyboard.press('Enter')
    await leader.locator('[data-opened]', { hasText: SECRET }).waitFor({ timeout: WITHIN_MS })
    await leader.locator('[data-event="sealed.opened"]', { hasText: '回访来电人' }).waitFor({ timeout: WITHIN_MS })
    await stage.shot(leader, 'sealed')
    await wall.locator('.wall[data-trust="live"]').waitFor({ timeout: 20_000 })
    assert.equal(await wall.locator(`[data-incident="${id}"]`).count(), 0, 'a sealed incident is on the wall')
    await leader.keyboard.press('5')
    assert.equal((await leader.locator('.incident').innerText()).includes(SECRET), false)
  })

  await step('statistics are read, saved as a table, and printed as a briefing', async () => {
    await leader.keyboard.press('6')
    await until('the incident is counted', () => leader.locator('[data-count="incidents"] b').innerText(), (n) => Number(n) > 0, 2 * WITHIN_MS)
    await leader.getByLabel('按', { exact: true }).selectOption('department')
    await leader.locator('[data-statistics="department"] [data-bar="police"]').waitFor({ timeout: WITHIN_MS })
    assert.deepEqual(await look(leader), { faint: [], nameless: [], wide: [] })
    await stage.shot(leader, 'statistics')
    const [saved] = await Promise.all([leader.waitForEvent('download', { timeout: WITHIN_MS }), leader.getByRole('button', { name: 'CSV' }).press('Enter')])
    assert.match(await readFile(await saved.path(), 'utf8'), /police/)
    await leader.getByRole('button', { name: '值班快报' }).press('Enter')
    await leader.frameLocator('iframe.briefing').locator('body', { hasText: '值班快报' }).waitFor({ timeout: WITHIN_MS })
    await stage.shot(leader, 'briefing')
    await leader.keyboard.press('Escape')
    stage.complaints = stage.complaints.filter((c) => !/422/.test(c)) // before the first shift of the day
  })

  await step('nothing was complained about in the console', () => assert.deepEqual(stage.complaints.filter((c) => !/WebGL|GL Driver/.test(c)), []))
}

await tell(main, { failed: () => stage.failed('feeds-failed'), done: () => stage.close() })
