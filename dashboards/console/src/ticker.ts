// A clock for the page that goes on while the page is hidden: browsers let the timers of hidden pages run once a
// minute, which would lose the seat and silence its alarm. A worker's timers are left alone.

const EVERY_MS = 1_000

self.setInterval(() => self.postMessage(0), EVERY_MS)
