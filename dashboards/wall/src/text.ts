// What the wall says, Chinese first.

import type { Named, TaskState, WarningLevel } from '@banyan/live/protocol'

export type Lang = 'zh' | 'en'

const zh = {
  centre: (city: string) => city + '应急指挥中心',
  commander: '总指挥', dutyLeader: '总值班长', shift: '班次', until: (t: string) => `至 ${t}`,
  present: '部门到岗', presentOf: (n: number, of: number) => `${n}/${of}`,
  dataAge: '数据时延', seconds: '秒', nobody: '无人在岗', unknown: '—',
  live: '实时', connecting: '连接中', down: '已断开', stale: '数据陈旧',
  lostTitle: '链路中断', staleTitle: '数据陈旧', lostAge: '以下为旧数据，已过', lostRetry: (n: number) => `正在重连（第 ${n} 次）`,
  noPicture: '尚未收到数据',
  open: '在办', unacknowledged: '未签收', acknowledgedShort: '已签收', overdue: '超时',
  queue: '事件队列', rule: '排序：级别 → 超时 → 未签收 → 时长', more: '另有', unlisted: '未列出',
  quiet: '当前无在办事件', quietHint: '新事件将在此处出现', waiting: '等待首批数据…',
  lead: '牵头', supports: (n: number) => `协办 ${n}`, alerts: (n: number) => `${n} 次报警`,
  age: '历时', ackIn: '签收剩', nextStep: '升级剩', dueNow: '即将升级', unstaffed: '无人值守', retryIn: '重派剩',
  noTask: '待派', outside: '市域外', noPlace: '位置待定',
  today: '今日', todayAlerts: '警情', todayIncidents: '事件', todayClosed: '办结',
  response: 'P1 签收', responseWithin: '用时', responseMet: '达标', responseInTime: '按时', responseNone: '近 1 小时无', responseGoal: '目标',
  departments: '联动部门', deptLegend: '在办 · 未签收 · 超时', seats: '在岗/席位', offDuty: '无人在岗', offShort: '无人',
  ofCentre: '中心告警', degraded: '降级运行：备份不可用', cutOff: '与指挥中心失联：本机独立受理，恢复后自动移交',
  lag: (events: number, seconds: number) => `落后 ${events} 条 ${seconds} 秒`,
  exercise: '演练', unconfirmed: '未证实', foldedOf: (n: number) => `折叠 ${n}`,
  warnings: { red: '红色预警', orange: '橙色预警', yellow: '黄色预警', blue: '蓝色预警' } satisfies Record<WarningLevel, string>,
  aheadTitle: '值班缺口与检修', gapsAhead: '72 小时内缺岗', now: '现在', noEnd: '起', maintenance: '检修席位',
  map: '态势图', mapFailed: '地图无法显示（浏览器没有 WebGL），队列与计数不受影响', legendCells: '事件密度', mapLoading: '地图载入中',
  city: '全市', urgentView: '聚焦 P1', framed: '聚焦未签收 P1',
  layers: '图层', layerToggle: '显示或隐藏（数字键）', layerFrame: '聚焦图层', layerFramed: (name: string) => `聚焦图层：${name}`,
  layerEmpty: '尚无读数', layerOld: '陈旧', layerStale: (age: string) => `数据陈旧 ${age}`,
  language: 'EN', languageName: 'Switch to English',
  tokenTitle: '大屏密钥', tokenAsk: '此大屏需要一把只读密钥。在服务器上生成：', tokenThen: '然后粘贴到此处，或以 /wall/#token=… 打开本页。',
  tokenLabel: '密钥', tokenGo: '打开大屏', tokenRefused: '密钥无效或已停用，请换一把。', tokenKept: '密钥只保存在本标签页，不会发往别处。',
  cityFailed: (why: string) => `读取城市配置失败（${why}），将自动重试`,
  suspended: (n: number) => `挂账 ${n}`, dayUnit: '天', hourUnit: '时',
  states: {
    unstaffed: '无人值守', assigned: '待签收', acknowledged: '已签收', en_route: '出动', on_scene: '到场',
    done: '办结', returned: '退回', cancelled: '取消',
  } satisfies Record<TaskState, string>,
}

export type Text = typeof zh

const en: Text = {
  centre: (city) => city + ' Emergency Command',
  commander: 'Commander', dutyLeader: 'Duty leader', shift: 'Shift', until: (t) => `to ${t}`,
  present: 'Depts present', presentOf: (n, of) => `${n}/${of}`,
  dataAge: 'Data age', seconds: 's', nobody: 'Nobody', unknown: '—',
  live: 'Live', connecting: 'Connecting', down: 'Link down', stale: 'Stale',
  lostTitle: 'LINK LOST', staleTitle: 'DATA STALE', lostAge: 'Old data, as of', lostRetry: (n) => `Reconnecting (attempt ${n})`,
  noPicture: 'No data received yet',
  open: 'open', unacknowledged: 'unack', acknowledgedShort: 'ack', overdue: 'overdue',
  queue: 'Incidents', rule: 'By priority → overdue → unack → age', more: '', unlisted: 'not listed',
  quiet: 'No open incidents', quietHint: 'New incidents appear here', waiting: 'Waiting for the first data…',
  lead: 'Lead', supports: (n) => `+${n} support`, alerts: (n) => `${n} alerts`,
  age: 'age', ackIn: 'ack in', nextStep: 'next step', dueNow: 'step due', unstaffed: 'UNSTAFFED', retryIn: 'retry in',
  noTask: 'no task yet', outside: 'outside city', noPlace: 'place unknown',
  today: 'Today', todayAlerts: 'alerts', todayIncidents: 'incidents', todayClosed: 'closed',
  response: 'P1 ack', responseWithin: 'in', responseMet: 'met', responseInTime: 'on time', responseNone: 'none in 1 h', responseGoal: 'goal',
  departments: 'Departments', deptLegend: 'open · unack · overdue', seats: 'on duty/seats', offDuty: 'nobody on duty', offShort: 'NONE',
  ofCentre: 'CENTRE ALERTS', degraded: 'DEGRADED: a standby is missing', cutOff: 'CUT OFF: this node takes alerts alone and hands them over later',
  lag: (events: number, seconds: number) => `${events} events, ${seconds} s behind`,
  exercise: 'EXERCISE', unconfirmed: 'unconfirmed', foldedOf: (n) => `${n} folded`,
  warnings: { red: 'RED warning', orange: 'ORANGE warning', yellow: 'YELLOW warning', blue: 'BLUE warning' },
  aheadTitle: 'Roster gaps and maintenance', gapsAhead: 'UNMANNED WITHIN 72 h', now: 'NOW', noEnd: 'on', maintenance: 'Maintenance',
  map: 'Situation map', mapFailed: 'No map: this browser has no WebGL. The queue and the counts go on.', legendCells: 'incidents', mapLoading: 'Map loading',
  city: 'City', urgentView: 'P1', framed: 'Framed on unack P1',
  layers: 'Layers', layerToggle: 'Show or hide (digit key)', layerFrame: 'Frame the layer', layerFramed: (name) => `Framed on layer: ${name}`,
  layerEmpty: 'no reading yet', layerOld: 'Stale', layerStale: (age) => `STALE ${age}`,
  language: '中', languageName: '切换到中文',
  tokenTitle: 'Key of this wall', tokenAsk: 'This wall needs a read-only key. Make one on the server:', tokenThen: 'Then paste it here, or open this page as /wall/#token=…',
  tokenLabel: 'Key', tokenGo: 'Open the wall', tokenRefused: 'The key is not valid (any more). Use another.', tokenKept: 'The key stays in this tab and goes nowhere else.',
  cityFailed: (why) => `The city could not be read (${why}); trying again`,
  suspended: (n) => `suspended ${n}`, dayUnit: 'd ', hourUnit: 'h',
  states: {
    unstaffed: 'UNSTAFFED', assigned: 'waiting', acknowledged: 'acknowledged', en_route: 'en route', on_scene: 'on scene',
    done: 'done', returned: 'returned', cancelled: 'cancelled',
  },
}

export const TEXT: Record<Lang, Text> = { zh, en }

// nameOf returns a configured name in the language, or the other one where that is all there is.
export function nameOf(n: Named, lang: Lang): string {
  return lang === 'en' ? n.name_en || n.name : n.name || n.name_en || ''
}
