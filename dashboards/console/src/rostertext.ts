// What the console says of rosters, swaps and maintenance, Chinese first.

import type { Amendment, SwapState } from '@banyan/live/protocol'
import type { RosterAct } from './pending.ts'

type Acts = Record<RosterAct | 'maintain' | 'maintain-end', string>

export const zhRosterActs: Acts = {
  amend: '替班', unamend: '撤销变更', swap: '申请换班', accept: '同意换班', approve: '批准换班', refuse: '不同意', withdraw: '撤回申请', maintain: '席位检修', 'maintain-end': '结束检修',
}

export const zhRoster = {
  rosterTab: '排班表', rosterOf: '部门', thisWeek: '本周', earlier: '前一周', later: '后一周', swapsTab: '换班',
  gap: '缺岗', gapsTitle: '72 小时内缺岗', noGaps: '72 小时内无缺岗', changed: '变更', changes: '排班变更', noChanges: '没有变更', people: '人员', peopleHint: '拖到班次上，或选中班次后按 T',
  gridHint: '方向键选择班次，PgUp/PgDn 换周', rosterFailed: (why: string) => `排班表读取失败：${why}`, mayNotEdit: '只读：修改排班需要排班员权限',
  fillGap: '安排值班', insteadOf: (n: string) => `代替 ${n}`, gapReason: (why: string) => (why ? `此班无人：${why}` : '此班无人'), person: '值班人', fromTime: '从', toTime: '到', untilTime: '检修至', timeHint: '2026-11-28 08:00',
  leaveTitle: (n: string) => `${n} 请假`, leave: '请假', leaveHint: '此人在这段时间的全部班次由替班人顶替；没有替班人就是缺岗', substitute: '替班人', unamendHint: '撤销后恢复原排班', change: '变更', over: '已过',
  kinds: { override: '替班', one_off: '加班', leave: '请假' } satisfies Record<Amendment['kind'], string>, byWhom: (n: string) => `${n} 登记`,
  swapWith: '换给谁', offerFree: (n: string) => `${n} 代班，不换回`, offerFor: (n: string, stint: string) => `与 ${n} 互换：${stint}`, swapsTitle: '换班申请', noSwaps: '没有换班申请',
  swapLine: (a: string, b: string) => `${a} 请 ${b} 代班`, inReturn: '换回', swapWaits: (n: number) => `${n} 个换班申请等您处理`, askSwapOf: '换出', approvedBy: (n: string) => `${n} 批准`,
  swapStates: { asked: '待同意', accepted: '待批准', approved: '已批准', refused: '未同意', withdrawn: '已撤回' } satisfies Record<SwapState, string>,
  maintenance: '检修', maintainHint: '检修期间席位不接任务，待签收的立即转派', inMaintenance: (until: string, why: string) => `本席位检修至 ${until}${why ? `（${why}）` : ''}，不接任务`, restingUntil: (t: string) => `检修至 ${t}`,
  reports: '待报事项', noReports: '没有待报事项', watch: '关注事项', noWatch: '没有关注事项', reportTo: '报送', timeLeft: '剩', reportMade: '确认已经报出？报送时间以此刻为准，记入日志', basis: '依据',
  watchKinds: { suspended: '挂账', unstaffed: '无人值守', lost: '席位失联', maintenance: '检修', gap: '缺岗' } as Readonly<Record<string, string>>,
}

// ZH_WHY turns the server's reasons for who holds a seat, or that nobody does, into Chinese; what is none of them, such
// as what people typed, stays.
const ZH_WHY: readonly [RegExp, string][] = [
  [/^nobody is named/, '无人排班'], [/^one-off shift/, '加班'], [/^override/, '替班'], [/^roster/, '排班'], [/^layer (\S+)/, '$1 层'],
  [/^swap \S+ with (.+)$/, '与 $1 换班'], [/^stands in for ([^(]+?)(?= \(|$)/, '代 $1'], [/^(\S+) is away/, '$1 请假'],
]

export const zhWhy = (why: string): string =>
  why.split('; ').map((part) => ZH_WHY.reduce((s, [from, to]) => s.replace(from, to), part).replace(/, rotation /, '，轮换 ').replace(/ \(([^()]*)\)$/, '（$1）')).join('；')

export const enRosterActs: Acts = {
  amend: 'Replace', unamend: 'Undo change', swap: 'Ask a swap', accept: 'Accept', approve: 'Approve', refuse: 'Refuse', withdraw: 'Withdraw', maintain: 'Maintenance', 'maintain-end': 'End maintenance',
}

export const enRoster: typeof zhRoster = {
  rosterTab: 'Roster', rosterOf: 'Department', thisWeek: 'This week', earlier: 'Week before', later: 'Week after', swapsTab: 'Swaps',
  gap: 'GAP', gapsTitle: 'Unmanned within 72 h', noGaps: 'No gap within 72 h', changed: 'changed', changes: 'Changes', noChanges: 'No changes', people: 'People', peopleHint: 'Drag onto a shift, or select one and press T',
  gridHint: 'Arrows choose a shift, PgUp/PgDn the week', rosterFailed: (why) => `The roster could not be read: ${why}`, mayNotEdit: 'Read only: changes need the role of roster editor',
  fillGap: 'Fill the gap', insteadOf: (n) => `instead of ${n}`, gapReason: (why) => (why ? `Nobody has this shift: ${why}` : 'Nobody has this shift'), person: 'Officer', fromTime: 'From', toTime: 'To', untilTime: 'Until', timeHint: '2026-11-28 08:00',
  leaveTitle: (n) => `Leave of ${n}`, leave: 'Leave', leaveHint: 'The substitute takes all shifts in that time; without one they are gaps', substitute: 'Substitute', unamendHint: 'The roster is then as it was before', change: 'Change', over: 'over',
  kinds: { override: 'override', one_off: 'one-off', leave: 'leave' }, byWhom: (n) => `by ${n}`,
  swapWith: 'With', offerFree: (n) => `${n} takes it, nothing in return`, offerFor: (n, stint) => `${n}, for ${stint}`, swapsTitle: 'Swaps', noSwaps: 'No swaps',
  swapLine: (a, b) => `${a} asks ${b}`, inReturn: 'in return', swapWaits: (n) => `${n} swaps wait for you`, askSwapOf: 'Swap', approvedBy: (n) => `approved by ${n}`,
  swapStates: { asked: 'asked', accepted: 'to approve', approved: 'approved', refused: 'refused', withdrawn: 'withdrawn' },
  maintenance: 'MAINTENANCE', maintainHint: 'The seat takes no tasks meanwhile; what waits there moves at once', inMaintenance: (until, why) => `This seat is in maintenance until ${until}${why ? ` (${why})` : ''} and takes no tasks`, restingUntil: (t) => `until ${t}`,
  reports: 'Reports owed', noReports: 'No report owed', watch: 'To watch', noWatch: 'Nothing to watch', reportTo: 'To', timeLeft: 'left', reportMade: 'Was it made? It is written down as made now', basis: 'Basis',
  watchKinds: { suspended: 'suspended', unstaffed: 'unstaffed', lost: 'seat lost', maintenance: 'maintenance', gap: 'gap' },
}
