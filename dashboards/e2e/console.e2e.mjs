// Two officers of two departments, a third who signs in with a password, and a duty leader work incidents by keyboard
// in real browsers against a running server; one console is cut off; a seat is handed over.
//
//   node dashboards/e2e/console.e2e.mjs --url http://127.0.0.1:8080 --banyan bin/banyan --data DIR --city DIR --shots DIR
//
// The server must serve the built pages and a city like configs/fuzhou, with nothing open; --data is its data folder, --city that of its configuration, in which keys and
// an account are made. Exits 1 and says what is wrong when something is.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { gone, inState, live, look, PASSWORD, row, selected, shell, signOn, SIZE, Stage, until, ZOOMED } from './console-desk.mjs'
import { startProxy } from './proxy.mjs'
import { begin } from './story.mjs'

const ROW_WITHIN_MS = 5_000
const LOST_WITHIN_MS = 18_000 // 15 s of silence, and a second or two to look for it and to move what waits
const FLOOD = 12 // tasks of one kind in one district
const SUCCESSOR = '接班测试员'

const { o, step, tell } = await begin('console')
const stage = new Stage(o)
const run = Date.now().toString(36)
const proxy = await startProxy(o.url) // the fire officer's way to the server, which can be cut

const sourceKey = stage.key('source', '--source', 'fire-119')
const probe = stage.key('officer', '--seat', 'commander', '--name', 'e2e')

async function post(name, body) {
  return stage.call(sourceKey, 'alerts', { id: `${run}-${name}`, occurred_at: new Date().toISOString(), ...body })
}
const incidentOf = (id) => stage.call(probe, 'incidents/' + id)
const taskOf = (id) => stage.call(probe, 'tasks/' + id)
const seatOf = async (id) => (await stage.call(probe, 'seats')).seats.find((s) => s.id === id)

async function enterAsPerson(page) {
  await page.getByLabel('登录名').fill('e2e')
  await page.getByLabel('密码').fill(PASSWORD)
  await page.keyboard.press('Enter')
  await page.locator('[data-seat="health-1"]').focus()
  await page.keyboard.press('Enter')
}

async function main() {
  await stage.known(probe)
  const holder = async (id) => (await seatOf(id)).holder
  const names = { fire: await holder('fire-1'), police: await holder('police-1'), health: await holder('health-1'), leader: await holder('fire-leader') }
  const keys = {
    fire: stage.key('officer', '--seat', 'fire-1', '--name', names.fire), police: stage.key('officer', '--seat', 'police-1', '--name', names.police),
    leader: stage.key('officer', '--seat', 'fire-leader', '--name', names.leader), telecom: stage.key('officer', '--seat', 'telecom-1', '--name', await holder('telecom-1')), next: stage.key('officer', '--seat', 'fire-1', '--name', SUCCESSOR),
  }
  stage.person('e2e', names.health, 'health', PASSWORD)
  await stage.known(keys.next)
  await stage.open()

  await step('nobody gets in without a key or a password', async () => {
    const page = await stage.desk(o.url, '#token=not-a-key')
    await page.getByRole('alert').waitFor({ timeout: 10_000 })
    assert.equal(await page.locator('.desk').count(), 0)
    assert.deepEqual(await look(page), { faint: [], nameless: [], wide: [] })
    await stage.shot(page, 'door')
    await page.close()
    stage.complaints = stage.complaints.filter((c) => !/401|404/.test(c))
  })

  const health = await stage.desk(o.url)
  await step('a person signs in, says where they sit, and signs on', async () => {
    await health.getByLabel('登录名').fill('e2e')
    await health.getByLabel('密码').fill('wrong password 1')
    await health.keyboard.press('Enter')
    await health.getByRole('alert').waitFor()
    await enterAsPerson(health)
    await live(health)
    await signOn(health)
    assert.equal((await seatOf('health-1')).presence, 'present')
    stage.complaints = stage.complaints.filter((c) => !/401|404/.test(c))
  })

  const fire = await stage.desk(proxy.url, '#token=' + keys.fire)
  const police = await stage.desk(o.url, '#token=' + keys.police)
  const leader = await stage.desk(o.url, '#token=' + keys.leader)
  await step('two officers and a duty leader sign on by keyboard', async () => {
    for (const page of [fire, police, leader]) {
      await live(page)
      await signOn(page)
      assert.ok(!page.url().includes('token'), 'the token stays in the address bar')
    }
    assert.equal((await seatOf('fire-1')).presence, 'present')
  })

  let first
  await step(`a P1 has its row within ${ROW_WITHIN_MS} ms, selected and sounded`, async () => {
    const { incident_id: id, tasks } = await post('first', { type: 'fire.vehicle', priority: 'P1', location: { lon: 119.2965, lat: 26.0745 }, text: '五一中路货车起火，司机被困' })
    first = { id, ...Object.fromEntries(tasks.map((t) => [t.department, t.id])) }
    assert.deepEqual(tasks.map((t) => t.seat), ['fire-1', 'police-1', 'health-1'])
    for (const [page, task] of [[fire, first.fire], [police, first.police], [health, first.health]]) {
      await row(page, task).waitFor({ timeout: ROW_WITHIN_MS })
      assert.equal(await selected(page), task)
    }
    await fire.locator('[data-event="incident.opened"]').waitFor()
    await until('the alarm', () => fire.evaluate(() => JSON.parse(document.documentElement.dataset.sounded ?? '{}').P1 ?? 0), (n) => n > 1, 12_000)
    await stage.shot(fire, 'p1')
  })

  await step('an answer alone confirms nothing', async () => {
    let answered = 0
    await fire.context().route(/\/(acknowledge|healthz)$/, (r) => {
      if (r.request().url().endsWith('/acknowledge')) answered++
      return r.fulfill({ status: 200, contentType: 'application/json', body: '{}' })
    })
    // A browser says that it intercepts before the page knows of it, and a key may be there first.
    await until('requests are intercepted', () => fire.evaluate(() => fetch('/healthz').then((r) => r.text())), (body) => body === '{}', 10_000)
    await fire.keyboard.press('a')
    await row(fire, first.fire).locator('.sending').waitFor()
    await fire.waitForTimeout(1_500)
    assert.equal(answered, 1, 'the request went to the server')
    assert.equal(await row(fire, first.fire).getAttribute('data-state'), 'assigned')
    await gone(row(fire, first.fire).locator('.sending'))
    assert.equal(await row(fire, first.fire).getAttribute('data-state'), 'assigned')
    await fire.context().unrouteAll()
  })

  await step('one key acknowledges; the event confirms', async () => {
    await fire.keyboard.press('a')
    await inState(fire, first.fire, 'acknowledged')
    assert.equal((await taskOf(first.fire)).officer, names.fire)
    await police.keyboard.press('a')
    await inState(police, first.police, 'acknowledged')
    await health.keyboard.press('a')
    await inState(health, first.health, 'acknowledged')
  })

  await step('each department moves its own task, and all see it', async () => {
    await fire.keyboard.press('d')
    await inState(fire, first.fire, 'en_route')
    await police.locator(`[data-task="${first.fire}"][data-state="en_route"]`).waitFor({ timeout: ROW_WITHIN_MS })
    await fire.keyboard.press('r')
    await inState(fire, first.fire, 'on_scene')
    await police.keyboard.press('d')
    await fire.locator(`[data-task="${first.police}"][data-state="en_route"]`).waitFor({ timeout: ROW_WITHIN_MS })
  })

  await step('what is near is shown: listed hazards with owner and deadline, cameras with their pictures', async () => {
    const cameras = fire.locator('[data-near="cameras"] [data-entry]')
    await cameras.first().waitFor({ timeout: ROW_WITHIN_MS })
    assert.match(await cameras.first().getAttribute('data-entry'), /^\d{20}$/)
    assert.match(await cameras.first().locator('a').getAttribute('href'), /^rtsp:/)
    await fire.locator('[data-near="hazards"] [data-overdue="true"]', { hasText: '责任人' }).first().waitFor()
    assert.match(await fire.locator('[data-hazards]').innerText(), /挂牌隐患.*超时/)
    await fire.keyboard.press('Shift+C')
    assert.equal(await fire.evaluate(() => document.activeElement?.closest('[data-near]')?.getAttribute('data-near')), 'hazards')
    assert.deepEqual(await look(fire), { faint: [], nameless: [], wide: [] })
    await stage.shot(fire, 'near')
  })

  let second
  await step('a duty leader gives a task to another seat; the selection of that seat stays', async () => {
    const { incident_id: id, tasks } = await post('second', { type: 'fire.alarm', priority: 'P1', location: { lon: 119.34, lat: 26.03 }, text: '商场火警自动报警' })
    second = { id, fire: tasks.find((t) => t.department === 'fire').id, number: (await incidentOf(id)).number }
    assert.notEqual(tasks[0].seat, 'fire-1')
    await leader.keyboard.press('3')
    await leader.locator(`[data-unacknowledged="${second.fire}"]`).waitFor({ timeout: ROW_WITHIN_MS })
    await stage.shot(leader, 'board')
    await leader.keyboard.press('/')
    await leader.keyboard.type(second.number.slice(-5))
    await leader.keyboard.press('Enter')
    await leader.locator(`[data-shown="${second.id}"]`).waitFor()
    await leader.keyboard.press('g')
    await shell(leader, 'assign').waitFor()
    await leader.keyboard.type('消防一席')
    await stage.shot(leader, 'assign')
    await leader.keyboard.press('Enter')
    await row(fire, second.fire).waitFor({ timeout: ROW_WITHIN_MS })
    assert.equal(await selected(fire), first.fire)
    assert.equal((await taskOf(second.fire)).state, 'assigned')
  })

  await step('reports upward are owed with a clock; one that was made is no more, on all screens', async () => {
    const owed = (page) => page.locator('[data-report]').evaluateAll((rows) => rows.map((r) => r.dataset.report))
    assert.deepEqual(await owed(fire), ['phone', 'written'])
    const clock = fire.locator('[data-report="phone"] b.clock-figures')
    const before = await clock.textContent()
    await until('the clock runs', () => clock.textContent(), (now) => now !== before, 5_000)
    await fire.keyboard.press('Shift+R')
    await shell(fire, 'report').waitFor()
    for (const size of [ZOOMED, SIZE]) {
      await fire.setViewportSize(size)
      assert.deepEqual(await look(fire), { faint: [], nameless: [], wide: [] })
    }
    await fire.keyboard.type('电话')
    await stage.shot(fire, 'report')
    await fire.keyboard.press('Enter')
    for (const page of [fire, police]) await gone(page.locator('[data-report="phone"]'))
    assert.deepEqual(await owed(police), ['written'])
    await fire.locator('[data-event="incident.reported"]', { hasText: '电话报告' }).waitFor({ timeout: ROW_WITHIN_MS })
    assert.deepEqual((await incidentOf(first.id)).reported, ['phone'])
  })

  await step('assessment, support and priority, by keyboard', async () => {
    await fire.keyboard.press('e')
    await fire.keyboard.type('火势已控制，油箱未破裂')
    await fire.keyboard.press('Control+Enter')
    await police.locator('[data-writing="assessment"] [data-event="incident.assessed"]', { hasText: '油箱未破裂' }).waitFor({ timeout: ROW_WITHIN_MS })
    await until('the draft goes with the event', () => fire.locator('[data-writing="assessment"] textarea').inputValue(), (v) => v === '', 5_000)
    await fire.keyboard.press('Escape')
    await police.keyboard.press('u')
    await police.keyboard.type('生态')
    await police.keyboard.press('Tab')
    await police.keyboard.type('柴油泄漏流入内河')
    await police.keyboard.press('Enter')
    await gone(shell(police, 'support'))
    await fire.locator('.tasks tr', { hasText: '生态' }).waitFor({ timeout: ROW_WITHIN_MS })
    await fire.keyboard.press('p')
    await fire.keyboard.type('P2')
    await fire.keyboard.press('Tab')
    await fire.keyboard.type('火势已控制')
    await stage.shot(fire, 'priority')
    await fire.keyboard.press('Enter')
    await police.locator(`[data-row="${first.police}"][data-priority="P2"]`).waitFor({ timeout: ROW_WITHIN_MS })
    await fire.locator('[data-event="incident.priority"]').waitFor()
  })

  await step('a department asked for support later sees the incident whole', async () => {
    const { tasks } = await incidentOf(first.id)
    const task = tasks.find((t) => t.department === 'ecology')
    const key = stage.key('officer', '--seat', task.seat, '--name', '生态测试员')
    await stage.known(key)
    // One that was asked while the console was open: the events before had not come to it.
    const water = await stage.desk(o.url, '#token=' + stage.key('officer', '--seat', 'water-1', '--name', await holder('water-1')))
    await water.locator('.desk, [role="alert"]').first().waitFor({ timeout: 20_000 })
    if (await water.locator('.desk').count() === 0) await water.reload()
    await live(water)
    await stage.call(probe, `incidents/${first.id}/support`, { department: 'water', reason: '内河水闸' })
    await water.locator(`[data-row][data-incident="${first.id}"]`).waitFor({ timeout: ROW_WITHIN_MS })
    await water.locator('[data-event="incident.assessed"]').first().waitFor({ timeout: ROW_WITHIN_MS })
    for (const t of (await incidentOf(first.id)).tasks.filter((x) => ['ecology', 'water'].includes(x.department))) {
      const officer = t.department === 'ecology' ? key : stage.key('officer', '--seat', t.seat, '--name', '水利测试员')
      await stage.known(officer)
      await stage.call(officer, `tasks/${t.id}/acknowledge`, {})
      await stage.call(officer, `tasks/${t.id}/finish`, { reason: '已处置' })
    }
    await water.close()
  })

  await step('nothing typed is lost by a reload', async () => {
    await fire.keyboard.press('n')
    await fire.keyboard.type('北门有水源')
    await fire.keyboard.press('Escape')
    await fire.keyboard.press('x')
    await shell(fire, 'return').waitFor()
    await fire.keyboard.type('车辆故障')
    await fire.reload()
    await live(fire)
    await until('the row of the incident with a draft', () => row(fire, first.fire).count(), (n) => n === 1, ROW_WITHIN_MS)
    await fire.keyboard.press('/')
    await fire.keyboard.type((await incidentOf(first.id)).number.slice(-5))
    await fire.keyboard.press('Enter')
    assert.equal(await fire.locator('[data-writing="note"] textarea').inputValue(), '北门有水源')
    await fire.keyboard.press('x')
    assert.equal(await shell(fire, 'return').locator('textarea').inputValue(), '车辆故障')
    await fire.keyboard.press('Escape')
    await fire.keyboard.press('n')
    await fire.keyboard.press('Control+Enter')
    await fire.locator('[data-writing="note"] [data-event="incident.note"]', { hasText: '北门有水源' }).waitFor({ timeout: ROW_WITHIN_MS })
    await fire.keyboard.press('Escape')
    await stage.shot(fire, 'incident')
  })

  await step('everything can be read and reached: at 1366×768 and at 200%, in both languages', async () => {
    for (const [size, name] of [[SIZE, '1366'], [ZOOMED, 'zoomed']]) {
      for (const [page, what] of [[fire, 'fire'], [leader, 'leader']]) {
        await page.setViewportSize(size)
        for (const lang of ['en', 'zh']) {
          await page.keyboard.press('l')
          await page.locator(`.desk[data-lang="${lang}"]`).waitFor()
          assert.deepEqual(await look(page), { faint: [], nameless: [], wide: [] })
          await stage.shot(page, `${what}-${name}-${lang}`)
        }
        await page.setViewportSize(SIZE)
      }
    }
    assert.equal(await fire.evaluate(() => document.documentElement.scrollHeight <= innerHeight), true)
    await fire.keyboard.press('?')
    await shell(fire, 'help').waitFor()
    assert.deepEqual(await look(fire), { faint: [], nameless: [], wide: [] })
    await stage.shot(fire, 'help')
    await fire.keyboard.press('Escape')
  })

  await step('a cut console says so, keeps what is typed, and its waiting task moves', async () => {
    assert.equal((await taskOf(second.fire)).seat, 'fire-1')
    await fire.keyboard.press('n')
    stage.cut = true
    const cutAt = Date.now()
    proxy.cut()
    await fire.keyboard.type('断线时写的')
    await fire.locator('.banner[data-lost="lost"]').waitFor({ timeout: 10_000 })
    await stage.shot(fire, 'cut')
    await until('the task has moved', () => taskOf(second.fire), (t) => t.seat !== 'fire-1', LOST_WITHIN_MS)
    const tookMs = Date.now() - cutAt
    assert.ok(tookMs < LOST_WITHIN_MS, `the task moved after ${tookMs} ms`)
    const { events } = await stage.call(probe, `incidents/${second.id}/timeline`)
    assert.equal(events.findLast((e) => e.type === 'task.reassigned').step, 'lost')
    console.log(`    moved ${tookMs} ms after the cut`)
    await leader.keyboard.press('3')
    await leader.locator('[data-seat="fire-1"][data-presence="lost"]').waitFor({ timeout: ROW_WITHIN_MS })
    await leader.locator('[data-notice="seat.lost"]').waitFor()
    await stage.shot(leader, 'lost')
    proxy.mend()
    await live(fire, 40_000)
    await fire.locator('.top [data-presence="present"]').waitFor({ timeout: 10_000 })
    stage.cut = false
    assert.equal(await fire.locator('[data-writing="note"] textarea').inputValue(), '断线时写的')
    assert.equal((await seatOf('fire-1')).presence, 'present')
    assert.equal((await taskOf(first.fire)).seat, 'fire-1')
    await fire.keyboard.press('Escape')
  })

  const next = await stage.desk(o.url, '#token=' + keys.next)
  let handover
  await step('a handover moves the seat and its open tasks', async () => {
    await live(next)
    await fire.keyboard.press('h')
    await fire.keyboard.type('货车油箱已堵漏，等待吊车。')
    await stage.shot(fire, 'handover-out')
    await fire.keyboard.press('Control+Enter')
    await fire.locator('[data-handover]').waitFor({ timeout: ROW_WITHIN_MS })
    handover = await fire.locator('[data-handover]').getAttribute('data-handover')
    await next.getByRole('status').filter({ hasText: '等待接班人确认' }).waitFor({ timeout: ROW_WITHIN_MS })
    await next.keyboard.press('h')
    await next.locator('[data-handover] .handover-note', { hasText: '等待吊车' }).waitFor()
    await stage.shot(next, 'handover-in')
    // Not on the roster: refused without a reason, and said so.
    await next.keyboard.press('Enter')
    await shell(next, 'handover').locator('[data-phase="failed"]').waitFor({ timeout: ROW_WITHIN_MS })
    await shell(next, 'handover').locator('textarea').fill('替班')
    await shell(next, 'handover').getByRole('button', { name: '确认接班' }).press('Enter')
    await gone(next.locator('[data-handover]'))
    await next.keyboard.press('Escape')
    assert.equal((await taskOf(first.fire)).officer, SUCCESSOR)
    assert.equal((await seatOf('fire-1')).holder, SUCCESSOR)
    await fire.keyboard.press('Escape')
    await fire.locator('[data-act="sign-on"]').waitFor({ timeout: ROW_WITHIN_MS })
    await fire.locator('.tasks', { hasText: SUCCESSOR }).first().waitFor({ timeout: ROW_WITHIN_MS })
    stage.complaints = stage.complaints.filter((c) => !c.includes('422'))
  })

  await step('past handovers of a seat are listed, and one is opened', async () => {
    await next.keyboard.press('h')
    await next.locator('[data-past="1"]').waitFor({ timeout: ROW_WITHIN_MS })
    for (const size of [ZOOMED, SIZE]) {
      await next.setViewportSize(size)
      assert.deepEqual(await look(next), { faint: [], nameless: [], wide: [] })
      await stage.shot(next, 'handover-list-' + size.width)
    }
    await next.locator(`[data-handed="${handover}"] button`).press('Enter')
    await next.locator(`[data-paper="${handover}"]`, { hasText: '等待吊车' }).waitFor({ timeout: ROW_WITHIN_MS })
    await next.keyboard.press('Escape')
    await live(next)
  })

  await step('a handover is printed', async () => {
    await next.evaluate((h) => { location.hash = 'handover=' + h }, handover)
    await next.locator(`[data-paper="${handover}"]`, { hasText: '等待吊车' }).waitFor({ timeout: ROW_WITHIN_MS })
    await next.emulateMedia({ media: 'print' })
    assert.equal(await next.locator('.paper-do').isVisible(), false)
    await next.pdf({ path: join(o.shots, 'handover.pdf'), format: 'A4' })
    await stage.shot(next, 'handover-print')
    await next.emulateMedia({ media: null })
    await next.keyboard.press('Escape')
    await live(next)
  })

  await step('finished, verified, closed', async () => {
    await next.keyboard.press('1')
    await until('the task is selected', async () => {
      if ((await selected(next)) !== first.fire) await next.keyboard.press('ArrowDown')
      return selected(next)
    }, (s) => s === first.fire, 5_000)
    await next.keyboard.press('f')
    await next.keyboard.type('明火已扑灭')
    await next.keyboard.press('Enter')
    await until('the task is done', () => taskOf(first.fire), (t) => t.state === 'done', 5_000)
    for (const [page, task] of [[police, first.police], [health, first.health]]) {
      await page.keyboard.press('f')
      await page.keyboard.press('Enter')
      await until('the task is done', () => taskOf(task), (t) => t.state === 'done', 5_000)
    }
    assert.equal((await incidentOf(first.id)).state, 'verifying')
    await row(next, first.id).waitFor({ timeout: ROW_WITHIN_MS })
    await row(next, first.id).click()
    await next.keyboard.press('v')
    await shell(next, 'verify').waitFor()
    await next.keyboard.press('Escape')
    assert.equal((await incidentOf(first.id)).state, 'verifying', 'closed without being asked')
    await next.keyboard.press('v')
    await next.keyboard.press('Enter')
    await until('the incident is closed', () => incidentOf(first.id), (i) => i.state === 'closed', 5_000)
    await gone(row(next, first.id))
  })

  await step('a flood is grouped by type and place, a P1 never; the group is acknowledged in one go, after asking', async () => {
    const cable = stage.key('source', '--source', 'telecom-site')
    const page = await stage.desk(o.url, '#token=' + keys.telecom)
    await live(page)
    await stage.known(cable)
    const sent = []
    for (let n = 0; n <= FLOOD; n++) { // further apart than alerts of one incident, in one district
      const location = { lon: 119.3 + 0.04 * (n % 4), lat: 25.64 + 0.04 * Math.floor(n / 4) }
      const body = { id: `${run}-cable-${n}`, type: 'telecom.cable', occurred_at: new Date().toISOString(), location, text: '光缆中断', priority: n === 5 ? 'P1' : 'P3' }
      sent.push((await stage.call(cable, 'alerts', body)).tasks.find((t) => t.department === 'telecom').id)
      // Selected before the others come, or the first picture may hold a P1 already.
      if (n === 0) await until('the first is selected', () => selected(page), (s) => s === sent[0], ROW_WITHIN_MS)
    }
    const [urgent] = sent.splice(5, 1)
    const group = page.locator(`[data-group="${FLOOD}"]`)
    await group.waitFor({ timeout: ROW_WITHIN_MS })
    assert.equal(await row(page, urgent).count(), 1)
    assert.equal(await selected(page), sent[0], 'the selection has moved')
    assert.equal(await page.locator('.queue-list > li').count(), 3)
    await until('the group is selected', async () => {
      await page.keyboard.press('ArrowUp')
      return selected(page)
    }, (s) => s.startsWith('telecom.cable@'), 5_000)
    await page.keyboard.press('a')
    await page.waitForTimeout(300)
    assert.equal((await taskOf(sent[0])).state, 'assigned', 'one key has acknowledged a group')
    await page.keyboard.press('Shift+A')
    await shell(page, 'bulk').waitFor()
    await stage.shot(page, 'flood')
    await page.keyboard.press('Enter')
    for (const id of sent) await until('the group is acknowledged', () => taskOf(id), (t) => t.state === 'acknowledged', 10_000)
    assert.equal((await taskOf(urgent)).state, 'assigned')
    await page.keyboard.press('w')
    assert.equal(await selected(page), urgent)
    await page.keyboard.press('m')
    await page.locator('[data-muted="true"]').waitFor()
    await page.close()
  })

  await step('logging out takes everything off the screen, and what was typed is there again afterwards', async () => {
    await health.keyboard.press('h')
    await shell(health, 'handover').waitFor()
    await health.keyboard.type('写到一半的交班说明')
    await health.keyboard.press('Escape')
    await health.keyboard.press('/')
    await health.keyboard.type('退出')
    await health.keyboard.press('Enter')
    await health.locator('[data-door="closed"]').waitFor({ timeout: ROW_WITHIN_MS })
    assert.equal((await health.locator('body').innerText()).includes(names.health), false)
    await enterAsPerson(health)
    await live(health)
    await health.keyboard.press('h')
    assert.equal(await shell(health, 'handover').locator('[data-field="note"]').inputValue(), '写到一半的交班说明')
    await health.keyboard.press('Escape')
    stage.complaints = stage.complaints.filter((c) => !/401|404/.test(c))
  })

  await step('nothing was complained about in the console', () => assert.deepEqual(stage.complaints, []))
}

await tell(main, {
  failed: () => stage.failed('failed'),
  done: async () => {
    await stage.close()
    proxy.stop()
  },
})
