// What the console says, Chinese first.

import type { IncidentState, Named, Seat, TaskState } from '@banyan/live/protocol'
import type { Request } from './pending.ts'
import { enFeeds, zhFeeds } from './feedtext.ts'
import { enRoster, enRosterActs, zhRoster, zhRosterActs } from './rostertext.ts'
import { enSite, zhSite } from './sitetext.ts'

export type Lang = 'zh' | 'en'

export type Acts = Record<Request['act'], string>

const zhActs: Acts = {
  acknowledge: '签收', depart: '出动', arrive: '到场', finish: '办结', return: '退回', assign: '改派', note: '记录', verify: '核查结案', cancel: '作废', suspend: '挂账',
  resume: '恢复', priority: '改级',
  support: '请求协办', report: '信息报送', 'pass-up': '上报', 'pass-down': '下派', assessments: '研判', 'sign-on': '签到', 'sign-off': '签退', handover: '交班', confirm: '接班', ...zhRosterActs,
}

const zh = {
  console: '席位台', language: 'EN', languageName: 'Switch to English', dayUnit: '天', hourUnit: '时', kmUnit: '公里', unknown: '—',
  // link
  live: '实时', connecting: '连接中', down: '已断开', stale: '数据陈旧', dataAge: '数据时延', seconds: '秒',
  lostTitle: '链路中断，以下为旧数据', staleTitle: '数据陈旧，以下为旧数据', lostAge: (age: string) => `已过 ${age}`,
  lostHint: '席位失联后，未签收任务将自动转派。录入内容已保存在本机。请立即用电话联系值班长。', retrying: (n: number) => `正在重连（第 ${n} 次）`,
  seatLost: '本席位已被判定失联，未签收任务已转派', waiting: '等待首批数据…',
  // queue
  mine: '我的队列', all: '全部事件', boardTab: '值守看板', rule: '按级别、时长排序', flood: '警情激增：同类同区已归并，P1 不归并',
  quiet: '队列为空', quietHint: '新任务将在此处出现并提示', more: (n: number) => `另有 ${n} 项未列出`, age: '历时', due: '升级剩', progress: '进展剩', retry: '重派剩', dueNow: '即将升级',
  overdue: '超时', suspendedClock: '挂账停时', sending: '发送中', answered: '待确认', failedMark: '未成功', ended: '已离开队列', groupOf: (n: number) => `${n} 项`,
  unackedOf: (n: number) => `待签收 ${n}`, lead: '牵头', support: '协办', escalatedToMe: '升级至本席', newArrival: (what: string) => `新任务：${what}`,
  p1Waiting: (n: number) => `${n} 个 P1 待签收`, nextWaiting: '下一个待签收', groupHint: '展开后逐个处理；P1 不在其中', draftHere: '有草稿',
  // incident
  pick: '选择一个任务查看事件', alerts: '警情', place: '位置', tasks: '各部门任务', timeline: '时间线', assessments: '研判', notes: '记录', map: '位置图',
  opened: '立案', department: '部门', seat: '席位', officer: '值班员', state: '状态', since: '用时', outside: '市域外', noPlace: '位置待定', source: '来源',
  alertsOf: (n: number) => `${n} 次报警`, noText: '（无文字）', truncated: '更早的记录在日志中', older: (n: number) => `显示更早 ${n} 条`,
  accuracy: (m: number) => `误差约 ${m} 米`, timelineFailed: '时间线读取失败',
  noAssessments: '尚无研判', noNotes: '尚无记录', writeAssessment: '写研判…（Ctrl+Enter 提交）', writeNote: '写记录…（Ctrl+Enter 提交）', submit: '提交', zoomIn: '放大', zoomOut: '缩小',
  chosenTask: '按键作用于此任务', mapLoading: '位置图载入中', mapFailed: '位置图读取失败',
  // forms
  reason: '原因', reasonNeeded: '必填', reasonOptional: '可不填', result: '处置结果', priority: '级别', targetSeat: '改派至席位', targetDepartment: '请求部门',
  cancelKey: '取消', chooseOne: '请选择',
  typed: '已自动保存草稿', sure: '此操作会结束事件，请确认', bulk: '整组签收（不含 P1）', handoverMissed: '班次已结束，尚未交接班', bulkAsk: (n: number) => `一次签收 ${n} 个非 P1 任务？`,
  draftFailed: '草稿无法保存到本机，刷新会丢失',
  // duty
  signOn: '签到', signOff: '签退', notSignedOn: '未签到', signedOnAs: (n: string) => `${n} 在席`, otherHolds: (n: string) => `值班表：${n}`,
  signOnAsk: '签到后，席位由您负责。', offRoster: (n: string) => `值班表上此刻是 ${n}，请写明原因`,
  nobody: '无人', signOffOpen: (n: number) => `席位上还有 ${n} 项未完成任务：请先交接班，或写明原因`, handover: '交接班', handoverNote: '交班说明', handoverNoteHint: '接班人必须知道的事',
  openTasks: '未完成任务', noOpenTasks: '没有未完成任务',
  handOver: '交班', handoverWaits: (n: string) => `${n} 已交班，等待接班人确认`, confirmHandover: '确认接班', handoverAll: (n: number) => `确认后 ${n} 项任务一次性转入您名下`,
  print: '打印', close: '关闭', rewriteHandover: '重新交班',
  handoverTitle: '交接班记录', from: '交班人', to: '接班人', openedAt: '交班时间', confirmedAt: '接班时间', notConfirmed: '未确认', signature: '签字', number: '事件编号',
  assignedAt: '派发时间', type: '类型', deadline: '时限', tasksCount: (n: number) => `${n} 项任务`, printedAt: '打印时间', printHint: '按 Ctrl+P 打印',
  shifts: '我的班次', noShifts: '近期没有班次', until: (t: string) => `至 ${t}`, present: '在席', absent: '未签到', lost: '失联', mustSignOn: '先签到再处理任务',
  nameless: '此密钥没有姓名，不能签到',
  // board
  boardTitle: '值守看板', presence: '在岗', waitingCount: '待签收', openCount: '在办', oldest: '最久', late: '迟到未签到', noticesTitle: '通知', clearNotices: '清除',
  unackedTasks: '未签收任务', noneUnacked: '全部已签收', assignHint: '选中任务后改派',
  noticeOf: (type: string, seat: string, who: string) => ({
    'seat.lost': `${seat} 失联（${who}）`,
    'seat.found': `${seat} 恢复在线`,
    'seat.no_show': `${seat} 无人签到（${who}）`,
    'handover.missed': `${seat} 班次结束未交接（${who}）`,
    'handover.opened': `${seat} 已交班，等待接班（${who}）`,
    'handover.confirmed': `${seat} 接班完成（${who}）`,
    'seat.maintenance': `${seat} 检修（${who}）`,
  })[type] ?? type,
  // sound
  muted: (t: string) => `静音 ${t}`, mute: '静音', soundOn: '声音开', soundOff: '声音未开启：按任意键', unmute: '取消静音',
  // bar
  commands: '命令', commandHint: '输入动作、事件编号、类型或地点', noCommand: '没有匹配项', help: '快捷键', move: '选择', expand: '展开/收起归并', chooseTask: '选择事件内的任务',
  zoom: '位置图缩放', logOut: '退出登录', imeHint: '中文输入法开启时，快捷键同样有效。',
  // door
  doorTitle: '席位台登录', loginName: '登录名', password: '密码', logIn: '登录', useKey: '使用席位密钥', key: '密钥', keyHow: '在服务器上生成：', openConsole: '打开席位台',
  refused: '密钥无效或已停用，请换一把。', noDesk: '此账号或密钥没有席位，请使用值班员的账号或席位密钥。', federated: '统一身份认证登录',
  chooseSeat: '您在哪个席位？', opening: '正在打开…', trying: (why: string) => `服务器没有应答（${why}），将自动重试`, kept: '密钥只保存在本标签页。', loginFailed: '登录失败',
  sessionOver: '登录已失效，请重新登录；录入内容仍在。',
  // answers
  confirmed: (what: string) => `${what}：已确认`, failed: (what: string, why: string) => `${what}未成功：${why}`,
  nothingChanged: (what: string) => `${what}：服务器已收到，无需改动`, notDelivered: '未送达服务器，请重试', tooMany: '待确认的操作过多，请先处理', scrolled: '已滚动到所选任务，再按一次',
  settle: '所选任务刚刚变化，再按一次', notNow: (what: string) => `此任务现在不能${what}`, doing: (r: Request): string => nameOfRequest(r, zhActs, zhRoster.kinds),
  states: {
    unstaffed: '无人值守', assigned: '待签收', acknowledged: '已签收', en_route: '出动', on_scene: '到场', done: '办结', returned: '退回', cancelled: '取消',
  } satisfies Record<TaskState, string>,
  incidentStates: { open: '立案', handling: '处置中', verifying: '待核查', suspended: '挂账', closed: '结案', cancelled: '作废' } satisfies Record<IncidentState, string>,
  roles: { duty: '值班席', backup: '备勤席', leader: '带班领导', centre: '总值班长', commander: '总指挥' } satisfies Record<Seat['role'], string>,
  steps: { remind: '提醒', backup: '升级至备勤', department_leader: '升级至带班领导', centre: '升级至总值班长', lost: '席位失联', handover: '未交接',
  signed_off: '已签退', no_progress: '久无进展' } as Readonly<Record<string, string>>,
  acts: zhActs,
  ...zhRoster,
  ...zhFeeds,
  ...zhSite,
}

export type Text = typeof zh

const enActs: Acts = {
  acknowledge: 'Acknowledge', depart: 'Depart', arrive: 'Arrive', finish: 'Finish', return: 'Return', assign: 'Assign', note: 'Note',
  verify: 'Verify and close', cancel: 'Cancel', suspend: 'Suspend', resume: 'Resume',
  priority: 'Priority', support: 'Ask support', report: 'Report upward', 'pass-up': 'Pass up', 'pass-down': 'Pass down', assessments: 'Assessment', 'sign-on': 'Sign on', 'sign-off': 'Sign off', handover: 'Hand over', confirm: 'Take over', ...enRosterActs,
}

const nameOfRequest = (r: Request, acts: Acts, kinds: Text['kinds']): string => (r.on === 'roster' && r.act === 'amend' ? kinds[r.body.kind ?? 'override'] : acts[r.act])

const en: Text = {
  console: 'Console', language: '中', languageName: '切换到中文', dayUnit: 'd ', hourUnit: 'h', kmUnit: 'km', unknown: '—',
  live: 'Live', connecting: 'Connecting', down: 'Link down', stale: 'Stale', dataAge: 'Data age', seconds: 's',
  lostTitle: 'LINK LOST: what you see is old', staleTitle: 'DATA STALE: what you see is old', lostAge: (age) => `by ${age}`,
  lostHint: 'A lost seat’s unacknowledged tasks move to others. What you typed is kept here. Telephone the duty leader now.',
  retrying: (n) => `reconnecting (attempt ${n})`,
  seatLost: 'This seat was declared lost; its unacknowledged tasks have moved', waiting: 'Waiting for the first data…',
  mine: 'My queue', all: 'All incidents', boardTab: 'Duty board', rule: 'By priority, then age', flood: 'Flood: alike ones nearby are grouped, P1 never',
  quiet: 'Nothing in the queue', quietHint: 'New tasks appear here and are sounded', more: (n) => `${n} more not listed`, age: 'age',
  due: 'next step', progress: 'progress in', retry: 'retry in', dueNow: 'step due',
  overdue: 'OVERDUE', suspendedClock: 'clock stopped', sending: 'Sending', answered: 'Confirming', failedMark: 'Failed',
  ended: 'left the queue', groupOf: (n) => `${n} tasks`,
  unackedOf: (n) => `${n} unack`, lead: 'lead', support: 'support', escalatedToMe: 'escalated to you', newArrival: (what) => `New task: ${what}`,
  p1Waiting: (n) => `${n} P1 waiting`, nextWaiting: 'Next waiting', groupHint: 'Open it to work one by one; P1 are never inside', draftHere: 'draft',
  pick: 'Choose a task to see its incident', alerts: 'Alerts', place: 'Place', tasks: 'Tasks of all departments', timeline: 'Timeline',
  assessments: 'Assessments', notes: 'Notes', map: 'Place on a map',
  opened: 'opened', department: 'Department', seat: 'Seat', officer: 'Officer', state: 'State', since: 'Clock', outside: 'outside the city',
  noPlace: 'place unknown', source: 'source',
  alertsOf: (n) => `${n} alerts`, noText: '(no text)', truncated: 'Older entries are in the journal', older: (n) => `Show ${n} older`,
  accuracy: (m) => `within ${m} m`, timelineFailed: 'The timeline could not be read',
  noAssessments: 'No assessment yet', noNotes: 'No note yet', writeAssessment: 'Write an assessment… (Ctrl+Enter)',
  writeNote: 'Write a note… (Ctrl+Enter)', submit: 'Submit', zoomIn: 'Zoom in', zoomOut: 'Zoom out',
  chosenTask: 'keys act on this task', mapLoading: 'Map loading', mapFailed: 'The map could not be read', reason: 'Reason', reasonNeeded: 'required',
  reasonOptional: 'optional', result: 'Result', priority: 'Priority', targetSeat: 'Assign to seat',
  targetDepartment: 'Ask department', cancelKey: 'Cancel', chooseOne: 'Choose one',
  typed: 'Draft saved', sure: 'This ends the incident. Are you sure?', bulk: 'Acknowledge the group (no P1)',
  handoverMissed: 'The shift is over and nothing was handed over', bulkAsk: (n) => `Acknowledge ${n} tasks at once (no P1)?`,
  draftFailed: 'Drafts cannot be saved here: a reload would lose them', signOn: 'Sign on', signOff: 'Sign off', notSignedOn: 'Not signed on',
  signedOnAs: (n) => `${n} signed on`, otherHolds: (n) => `Roster: ${n}`,
  signOnAsk: 'From then on the seat is yours.', offRoster: (n) => `The roster names ${n} now: say why it is you`,
  nobody: 'nobody', signOffOpen: (n) => `${n} open tasks lie at this seat: hand them over, or say why not`, handover: 'Handover',
  handoverNote: 'Note for the next officer', handoverNoteHint: 'What whoever comes must know', openTasks: 'Open tasks', noOpenTasks: 'No open tasks',
  handOver: 'Hand over', handoverWaits: (n) => `${n} has handed over; waiting for the incoming officer`, confirmHandover: 'Take over',
  handoverAll: (n) => `${n} tasks become yours in one step`, print: 'Print', close: 'Close', rewriteHandover: 'Hand over again',
  handoverTitle: 'Handover record', from: 'Outgoing', to: 'Incoming', openedAt: 'Handed over', confirmedAt: 'Taken over',
  notConfirmed: 'not confirmed', signature: 'Signature', number: 'Incident', assignedAt: 'Assigned', type: 'Type', deadline: 'Deadline',
  tasksCount: (n) => `${n} tasks`,
  printedAt: 'Printed', printHint: 'Ctrl+P prints',
  shifts: 'My shifts', noShifts: 'No shift in the next days', until: (t) => `to ${t}`, present: 'present', absent: 'not signed on', lost: 'LOST',
  mustSignOn: 'Sign on before you work tasks', nameless: 'This key carries no name: it cannot sign on',
  boardTitle: 'Duty board', presence: 'Presence', waitingCount: 'Unack', openCount: 'Open', oldest: 'Oldest', late: 'LATE, not signed on',
  noticesTitle: 'Notices', clearNotices: 'Clear', unackedTasks: 'Unacknowledged tasks', noneUnacked: 'Everything is acknowledged',
  assignHint: 'Select a task, then assign',
  noticeOf: (type, seat, who) => ({
    'seat.lost': `${seat} is lost (${who})`,
    'seat.found': `${seat} is back`,
    'seat.no_show': `Nobody signed on at ${seat} (${who})`,
    'handover.missed': `${seat}: shift ended without handover (${who})`,
    'handover.opened': `${seat} handed over, waiting (${who})`,
    'handover.confirmed': `${seat} taken over (${who})`,
    'seat.maintenance': `${seat}: maintenance (${who})`,
  })[type] ?? type,
  muted: (t) => `Muted ${t}`, mute: 'Mute', soundOn: 'Sound on', soundOff: 'Sound is off: press any key', unmute: 'Unmute',
  commands: 'Commands', commandHint: 'Action, incident number, type or place', noCommand: 'Nothing matches', help: 'Keys',
  move: 'Select', expand: 'Open or close a group', chooseTask: 'Choose a task of the incident', zoom: 'Zoom the map', logOut: 'Log out',
  imeHint: 'Keys work with a Chinese input method switched on, too.',
  doorTitle: 'Console', loginName: 'Name', password: 'Password', logIn: 'Log in', useKey: 'Use the key of a seat', key: 'Key',
  keyHow: 'Made on the server by:', openConsole: 'Open the console', refused: 'The key is not valid (any more). Use another.',
  noDesk: 'This account or key has no seat. Use an officer’s account or the key of a seat.', federated: 'Single sign-on',
  chooseSeat: 'Which seat are you at?', opening: 'Opening…', trying: (why) => `The server does not answer (${why}); trying again`,
  kept: 'The key stays in this tab.', loginFailed: 'Not logged in', sessionOver: 'Your session is over: log in again. What you typed is still here.',
  confirmed: (what) => `${what}: confirmed`, failed: (what, why) => `${what} failed: ${why}`,
  nothingChanged: (what) => `${what}: received, nothing had to change`, notDelivered: 'not delivered to the server, try again',
  tooMany: 'Too many actions are unconfirmed', scrolled: 'Scrolled to the selected task: press again',
  settle: 'The selection has just changed: press again', notNow: (what) => `Not possible now: ${what}`, doing: (r) => nameOfRequest(r, enActs, enRoster.kinds),
  states: { unstaffed: 'UNSTAFFED', assigned: 'waiting', acknowledged: 'acknowledged', en_route: 'en route', on_scene: 'on scene', done: 'done',
  returned: 'returned', cancelled: 'cancelled' },
  incidentStates: { open: 'open', handling: 'handling', verifying: 'to verify', suspended: 'suspended', closed: 'closed', cancelled: 'cancelled' },
  roles: { duty: 'duty', backup: 'backup', leader: 'duty leader', centre: 'centre duty leader', commander: 'commander' },
  steps: { remind: 'reminder', backup: 'escalated to backup', department_leader: 'escalated to duty leader', centre: 'escalated to centre',
  lost: 'seat lost', handover: 'no handover', signed_off: 'signed off', no_progress: 'no progress' },
  acts: enActs,
  ...enRoster,
  ...enFeeds,
  ...enSite,
}

export const TEXT: Record<Lang, Text> = { zh, en }

// named makes a name out of two members of which the second may be missing.
export const named = (name: string, name_en: string | undefined): Named => ({ name, ...(name_en ? { name_en } : {}) })

// nameOf returns a configured name in the language, or the other one where that is all there is.
export function nameOf(n: Named, lang: Lang): string {
  return lang === 'en' ? n.name_en || n.name : n.name || n.name_en || ''
}
