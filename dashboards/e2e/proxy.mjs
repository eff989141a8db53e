// A TCP proxy in front of the server, which a test can cut and freeze: a browser's offline emulation leaves
// websockets alone, and no emulation makes a connection that is open and silent.

import net from 'node:net'

export async function startProxy(target) {
  const { hostname, port } = new URL(target)
  const pairs = new Set()
  let state = 'open' // open, cut: nobody gets through, frozen: connections stand still
  const server = net.createServer((client) => {
    if (state === 'cut') {
      client.destroy()
      return
    }
    const upstream = net.connect({ host: hostname, port: Number(port || 80) })
    const pair = [client, upstream]
    pairs.add(pair)
    const end = () => {
      pair.forEach((s) => s.destroy())
      pairs.delete(pair)
    }
    pair.forEach((s) => s.on('error', end).on('close', end))
    client.on('data', (b) => upstream.write(b))
    upstream.on('data', (b) => client.write(b))
    if (state === 'frozen') pair.forEach((s) => s.pause())
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut() {
      state = 'cut'
      for (const pair of pairs) pair.forEach((s) => s.destroy())
    },
    freeze() {
      state = 'frozen'
      for (const pair of pairs) pair.forEach((s) => s.pause())
    },
    mend() {
      state = 'open'
      for (const pair of pairs) pair.forEach((s) => s.resume())
    },
    stop() {
      this.cut()
      server.close()
    },
  }
}
