// What the console says of the place of an incident and of what is told with it, Chinese first.

import type { AreaLevel, WarningLevel } from '@banyan/live/protocol'

type Words = Readonly<Record<string, string>>

export const zhSite = {
  nearTab: '周边', nearTitle: '周边', nearFailed: '周边读取失败', openStream: '打开视频', metres: '米',
  hazardNear: (n: number, far: string) => `临近挂牌隐患 ${n} · 最近 ${far}`,
  warnings: { red: '红色预警', orange: '橙色预警', yellow: '黄色预警', blue: '蓝色预警' } satisfies Record<WarningLevel, string>,
  coverOf: (names: readonly string[]) => `预警范围${names.length > 0 ? '：' + names.slice(0, 6).join('、') + (names.length > 6 ? '…' : '') : ''}`,
  toLevel: '至层级', levelPath: '层级', levelNow: '现在层级',
  levels: { city: '市', district: '区县', street: '街道', community: '社区', grid: '网格' } satisfies Record<AreaLevel, string>,
  pastHandovers: '历次交接班', noHandovers: '没有交接班记录', openRecord: '查看',
  // Registers and columns that have a name of their own; any others are shown as the city calls them.
  registers: { cameras: '周边视频', hazards: '周边挂牌隐患', schools: '周边学校' } as Words,
  attributes: {
    owner: '责任人', deadline: '期限', material: '物质', grade: '等级', kind: '类别', gates: '校门', stream: '视频', unit: '单位', list: '清单', hazard: '隐患编号',
    school: '学校', gate: '校门', button: '按钮', path: '区划路径', grid: '网格', step: '环节', level: '层级', trace: '流转', station: '充装站', cylinder: '气瓶', overdue: '逾期',
  } as Words,
}

export const enSite: typeof zhSite = {
  nearTab: 'Near', nearTitle: 'Near', nearFailed: 'What is near could not be read', openStream: 'Open the picture', metres: 'm',
  hazardNear: (n, far) => `${n} listed hazard${n === 1 ? '' : 's'} near, ${far}`,
  warnings: { red: 'RED warning', orange: 'ORANGE warning', yellow: 'YELLOW warning', blue: 'BLUE warning' },
  coverOf: (names) => `Area of the warning${names.length > 0 ? ': ' + names.slice(0, 6).join(', ') + (names.length > 6 ? '…' : '') : ''}`,
  toLevel: 'To level', levelPath: 'Levels', levelNow: 'with this level now',
  levels: { city: 'city', district: 'district', street: 'street', community: 'community', grid: 'grid' },
  pastHandovers: 'Past handovers', noHandovers: 'No handover on record', openRecord: 'Open',
  registers: { cameras: 'Cameras near', hazards: 'Listed hazards near', schools: 'Schools near' },
  attributes: {
    owner: 'owner', deadline: 'deadline', material: 'material', grade: 'grade', kind: 'kind', gates: 'gates', stream: 'picture', unit: 'unit', list: 'list', hazard: 'hazard',
    school: 'school', gate: 'gate', button: 'button', path: 'path', grid: 'grid', step: 'step', level: 'level', trace: 'trace', station: 'station', cylinder: 'cylinder', overdue: 'overdue',
  },
}
