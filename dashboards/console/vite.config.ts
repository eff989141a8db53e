import { defineConfig } from 'vite'

// Where `npm run dev` finds a running server; a build asks nobody.
const server = process.env.BANYAN_URL ?? 'http://127.0.0.1:8080'

export default defineConfig({
  root: import.meta.dirname,
  base: '/console/',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../dist/console',
    emptyOutDir: true,
    target: 'es2023',
    assetsInlineLimit: 0, // the page's content security policy lets nothing inline run
    license: { fileName: 'licenses.md' }, // of what is bundled
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': { target: server, ws: true } } },
})
