// What the console says of sources and of what comes from them, Chinese first.

export const zhFeeds = {
  feedsTab: '信源', feedsTitle: '信源状况', feedsCount: (n: number) => `${n} 个信源`, transport: '方式', lastHeard: '最近来报', ratePerMinute: '每分钟', lag: '时延', errors: '差错', quarantine: '隔离', lostOf: (n: number) => `已挤出 ${n}`,
  sourceStates: { live: '正常', silent: '静默', never: '未来报', maintenance: '检修', overflowing: '隔离溢出' } as Readonly<Record<string, string>>,
  quarantineEmpty: '没有被隔离的报文', rawMessage: '原始报文', replay: '重新映射', replayDone: (n: number, left: number) => `放行 ${n} 条，仍隔离 ${left} 条`,
  exercise: '演练', unconfirmedMark: '未证实', sealed: '密', cancelledOf: (n: number) => `撤回 ${n}`, foldedOf: (n: number) => `归并 ${n}`,
  alertUpdated: '警情更新', alertCancelled: '警情撤回', incidentConfirmed: '已证实', reported: '已上报',
  unseal: '拆封', unsealHint: '拆封会连同姓名和原因记入日志，内容显示五分钟',
}

export const enFeeds: typeof zhFeeds = {
  feedsTab: 'Sources', feedsTitle: 'Sources', feedsCount: (n) => `${n} sources`, transport: 'Transport', lastHeard: 'Last heard', ratePerMinute: 'Per min', lag: 'Lag', errors: 'Errors', quarantine: 'Quarantine', lostOf: (n) => `${n} lost`,
  sourceStates: { live: 'live', silent: 'SILENT', never: 'not heard', maintenance: 'maintenance', overflowing: 'OVERFLOWING' },
  quarantineEmpty: 'Nothing in quarantine', rawMessage: 'Message as it came', replay: 'Map again', replayDone: (n, left) => `${n} released, ${left} still held`,
  exercise: 'EXERCISE', unconfirmedMark: 'unconfirmed', sealed: 'sealed', cancelledOf: (n) => `${n} taken back`, foldedOf: (n) => `${n} folded`,
  alertUpdated: 'Alert updated', alertCancelled: 'Alert taken back', incidentConfirmed: 'Confirmed', reported: 'Reported',
  unseal: 'Open sealed', unsealHint: 'Who opens it, and why, is written down. It is shown for five minutes',
}
