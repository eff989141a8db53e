// What the console says of sources and of what comes from them, Chinese first.

export const zhFeeds = {
  feedsTab: '信源', feedsTitle: '信源状况', feedsCount: (n: number) => `${n} 个信源`, transport: '方式', lastHeard: '最近来报', ratePerMinute: '每分钟', lag: '时延', errors: '差错', quarantine: '隔离', lostOf: (n: number) => `已挤出 ${n}`,
  sourceStates: { live: '正常', silent: '静默', never: '未来报', maintenance: '检修', overflowing: '隔离溢出' } as Readonly<Record<string, string>>,
  quarantineEmpty: '没有被隔离的报文', rawMessage: '原始报文', replay: '重新映射', replayDone: (n: number, left: number) => `放行 ${n} 条，仍隔离 ${left} 条`,
  exercise: '演练', unconfirmedMark: '未证实', sealed: '密', cancelledOf: (n: number) => `撤回 ${n}`, foldedOf: (n: number) => `折叠 ${n}`,
  alertUpdated: '警情更新', alertCancelled: '警情撤回', incidentConfirmed: '已证实', reported: '已上报',
  statisticsTab: '统计', statisticsTitle: '统计', noStatistics: '此服务器没有统计数据', period: '时段', groupBy: '按', count: '数量', briefing: '值班快报', before: '上期', nothing: '没有', stage: '环节', times: '次数',
  median: '中位', p90: '九成以内', medianBefore: '上期中位', p90Before: '上期九成', stagesTitle: '各环节用时', lateTitle: '超时任务',
  periods: { today: '今日', yesterday: '昨日', week: '7 天', month: '30 天' },
  groupings: { hour: '小时', shift: '班次', day: '日', department: '部门', district: '区县', type: '类型', priority: '级别' },
  counts: { incidents: '事件', alerts: '警情', closed: '结案', tasks: '任务', acknowledged: '签收', overdue: '超时', unstaffed: '无人值守', escalated: '升级' },
  stages: { report: '报告', acknowledge: '签收', depart: '出动', arrive: '到场', finish: '办结', verify: '核查' },
  lateWhy: (why: string) => (why === 'unstaffed' ? '无人值守' : why === 'acknowledged late' ? '签收超时' : why.replace(/^not acknowledged, ladder step (\d+)$/, '未签收，升级到第 $1 级')),
  unseal: '拆封', unsealHint: '拆封会连同姓名和原因记入日志，内容显示五分钟',
}

export const enFeeds: typeof zhFeeds = {
  feedsTab: 'Sources', feedsTitle: 'Sources', feedsCount: (n) => `${n} sources`, transport: 'Transport', lastHeard: 'Last heard', ratePerMinute: 'Per min', lag: 'Lag', errors: 'Errors', quarantine: 'Quarantine', lostOf: (n) => `${n} lost`,
  sourceStates: { live: 'live', silent: 'SILENT', never: 'not heard', maintenance: 'maintenance', overflowing: 'OVERFLOWING' },
  quarantineEmpty: 'Nothing in quarantine', rawMessage: 'Message as it came', replay: 'Map again', replayDone: (n, left) => `${n} released, ${left} still held`,
  exercise: 'EXERCISE', unconfirmedMark: 'unconfirmed', sealed: 'sealed', cancelledOf: (n) => `${n} taken back`, foldedOf: (n) => `${n} folded`,
  alertUpdated: 'Alert updated', alertCancelled: 'Alert taken back', incidentConfirmed: 'Confirmed', reported: 'Reported',
  statisticsTab: 'Statistics', statisticsTitle: 'Statistics', noStatistics: 'This server keeps no statistics', period: 'Time', groupBy: 'By', count: 'Count', briefing: 'Briefing', before: 'before', nothing: 'None', stage: 'Stage', times: 'Times',
  median: 'Median', p90: '90th percentile', medianBefore: 'Median before', p90Before: '90th before', stagesTitle: 'Time taken by stage', lateTitle: 'Late tasks',
  periods: { today: 'today', yesterday: 'yesterday', week: '7 days', month: '30 days' },
  groupings: { hour: 'hour', shift: 'shift', day: 'day', department: 'department', district: 'district', type: 'type', priority: 'priority' },
  counts: { incidents: 'Incidents', alerts: 'Alerts', closed: 'Closed', tasks: 'Tasks', acknowledged: 'Acknowledged', overdue: 'Overdue', unstaffed: 'Unstaffed', escalated: 'Escalated' },
  stages: { report: 'report', acknowledge: 'acknowledge', depart: 'depart', arrive: 'arrive', finish: 'finish', verify: 'verify' },
  lateWhy: (why) => why,
  unseal: 'Open sealed', unsealHint: 'Who opens it, and why, is written down. It is shown for five minutes',
}
