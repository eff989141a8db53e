// The sources as a duty leader sees them: one sends what cannot be mapped, which is held and shown with the reason until
// its profile is mended; a warning has its colour and area, a school's alarm its gate on the first screen;
// a grid worker's report is passed up and down;
// what is sealed of an alert is opened with a reason and is then in the timeline; a wall sees nothing of it.
//
//   node dashboards/e2e/feeds.e2e.mjs --url http://127.0.0.1:8080 --banyan bin/banyan --data DIR --city DIR --shots DIR
//
// The server must serve the built pages and a city like configs/fuzhou with two sources more, as test/console_test.go
// adds them; --data is its data folder, --city that of its configuration, in which keys and an account are made. Exits 1 and says what is wrong.

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { live, look, PASSWORD, shell, SIZE, Stage, until, ZOOMED } from './console-desk.mjs'
import { begin } from './story.mjs'

const WITHIN_MS = 8_000
const SECRET = '13900001111'

const { o, step, tell } = await begin('feeds')
const stage = new Stage(o)

// warning is a CAP message with a polygon.
function warning(status, severity, number) {
  const at = (ms) => new Date(Date.now() + ms).toISOString().replace(/\.\d+Z/, '+00:00')
  return `<?xml version="1.0" encoding="UTF-8"?><alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>35010041600000_${at(0).replace(/\D/g, '').slice(0, 14)}_${number}</identifier><sender>35010041600000</sender><sent>${at(-60_000)}</sent>
<status>${status}</status><msgType>Alert</msgType><scope>Public</scope><info><language>zh-CN</language><category>Met</category><event>暴雨</event><urgency>Immediate</urgency><severity>${severity}</severity><certainty>Likely</certainty><eventCode><valueName>国家预警信息</valueName><value>11B03</value></eventCode>
<expires>${at(3_600_000)}</expires><headline>暴雨预警</headline><description>强降雨持续</description>
<area><areaDesc>鼓楼至马尾</areaDesc><polygon>26.05,119.25 26.12,119.30 26.05,119.42 25.98,119.36 26.05,119.25</polygon></area></info></alert>`
}

async function main() {
  const [hotline, meters, wallKey] = [stage.key('source', '--source', 'e2e-hotline'), stage.key('source', '--source', 'e2e-meters'), stage.key('wall', '--name', 'feeds')]
  const [weather, grid, school, chiefKey] = [stage.key('source', '--source', 'weather-cap'), stage.key('source', '--source', 'grid'), stage.key('source', '--source', 'school-alarm'), stage.key('officer', '--seat', 'centre-leader', '--name', '总值班测试员')]
  stage.person('feeds-e2e', '带班测试员', 'police', PASSWORD, 'duty_leader')
  stage.person('feeds-admin', '系统管理员', '', PASSWORD, 'system_administrator')
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
  })

  await step('the profile is mended and read again, and what was held becomes an incident', async () => {
    const profile = join(o.city, 'sources', 'e2e-meters.yaml')
    await writeFile(profile, (await readFile(profile, 'utf8')).replace('kind: {"1": crime.domestic}', 'kind: {"1": crime.domestic, 没有这一类: crime.domestic}'))
    await stage.administer('feeds-admin', PASSWORD, 'configuration/reload')
    await leader.keyboard.press('t')
    await leader.getByRole('status').filter({ hasText: '放行 1 条，仍隔离 0 条' }).first().waitFor({ timeout: WITHIN_MS })
    await leader.locator('[data-quarantine]', { hasText: '没有被隔离的报文' }).waitFor({ timeout: WITHIN_MS })
    await leader.keyboard.press('2')
    await leader.locator('.queue-list [data-incident]', { hasText: '家庭暴力' }).waitFor({ timeout: WITHIN_MS })
    await leader.keyboard.press('Escape')
  })

  const chief = await stage.desk(o.url, '#token=' + chiefKey)
  await step('a warning has its colour in words and its area, on the console and on the wall', async () => {
    await live(chief)
    await chief.keyboard.press('2')
    const { incident_id: id } = await stage.call(weather, 'cap', warning('Actual', 'Orange', '1'))
    await chief.locator(`.queue-list [data-incident="${id}"] [data-warning="orange"]`, { hasText: '橙色预警' }).first().waitFor({ timeout: WITHIN_MS })
    await chief.locator(`.queue-list [data-incident="${id}"]`).first().click()
    await chief.locator(`[data-shown="${id}"] .cover`).waitFor({ timeout: WITHIN_MS })
    await stage.shot(chief, 'warning')
    await wall.locator(`[data-incident="${id}"] [data-warning="orange"]`).waitFor({ timeout: WITHIN_MS })
  })

  await step('a grid report shows its path and is passed up by key, with a reason; its source brings it down again', async () => {
    const report = (step, level, at) => ({ 事件编号: 'WG-1', 环节: step, 环节时间: at, 发现时间: '2026-01-01 08:00:00', 事件类型: '安全隐患', 紧急程度: '紧急', 网格编码: '350102003003012', 区划路径: '福州市/鼓楼区/温泉街道/东大社区/第12网格',
      当前层级: level, 描述: '外墙空调支架松动', 坐标: { 经度: 119.3071, 纬度: 26.0899 }, 网格员: { 编号: 'WGY-1', 姓名: '陈某' } })
    const { incident_id: id } = await stage.call(grid, 'alerts', report('上报', '街道', '2026-01-01 08:10:00'))
    await chief.locator(`.queue-list [data-incident="${id}"]`).first().click({ timeout: WITHIN_MS })
    await chief.locator(`[data-shown="${id}"] [data-level="street"] .now`, { hasText: '温泉街道' }).waitFor({ timeout: WITHIN_MS })
    await chief.locator('.levels', { hasText: '第12网格' }).waitFor({ timeout: WITHIN_MS })
    await chief.keyboard.press('Shift+U')
    await shell(chief, 'pass-up').waitFor()
    await chief.keyboard.press('Tab')
    await chief.keyboard.type('涉及两个街道')
    for (const size of [ZOOMED, SIZE]) {
      await chief.setViewportSize(size)
      assert.deepEqual(await look(chief), { faint: [], nameless: [], wide: [] })
    }
    await stage.shot(chief, 'pass-up')
    await chief.keyboard.press('Enter')
    await chief.locator('.toast', { hasText: /^上报：已确认$/ }).waitFor({ timeout: WITHIN_MS })
    await chief.locator('[data-level="district"] .now', { hasText: '鼓楼区' }).waitFor({ timeout: WITHIN_MS })
    await chief.locator('[data-event="incident.passed"]', { hasText: '上报 街道 → 区县：涉及两个街道' }).waitFor({ timeout: WITHIN_MS })
    await stage.shot(chief, 'passed')
    await stage.call(grid, 'alerts', report('下派', '社区', '2026-01-01 08:31:00'))
    await chief.locator('[data-level="community"] .now', { hasText: '东大社区' }).waitFor({ timeout: WITHIN_MS })
  })

  await step("a school's alarm has school and gate on the first screen", async () => {
    const { incident_id: id } = await stage.call(school, 'alerts', { event: 'alarm', alarmId: 'SA-1', device: 'BTN-1', school: '35010202', schoolName: '福州第三中学', gate: '3', gateName: '东门', time: Date.now() })
    await leader.locator(`.queue-list [data-incident="${id}"]`, { hasText: '福州第三中学 东门' }).first().click({ timeout: WITHIN_MS })
    await leader.locator(`[data-shown="${id}"] [data-site]`, { hasText: '东门' }).waitFor({ timeout: WITHIN_MS })
    assert.deepEqual(await look(leader), { faint: [], nameless: [], wide: [] })
    await stage.shot(leader, 'school')
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
    for (const size of [ZOOMED, SIZE]) {
      await leader.setViewportSize(size)
      assert.deepEqual((await look(leader)).wide, [])
      await stage.shot(leader, 'briefing-' + size.width)
    }
    await leader.keyboard.press('Escape')
    stage.complaints = stage.complaints.filter((c) => !/422/.test(c)) // before the first shift of the day
  })

  await step('nothing was complained about in the console', () => assert.deepEqual(stage.complaints.filter((c) => !/WebGL|GL Driver/.test(c)), []))
}

await tell(main, { failed: () => stage.failed('feeds-failed'), done: () => stage.close() })
