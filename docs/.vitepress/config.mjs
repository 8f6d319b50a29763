import { defineConfig } from 'vitepress'

const REPOSITORY = 'https://github.com/ssecast/ssecast'
const page = (text, link) => ({ text, link })

export default defineConfig({
  title: 'ssecast',
  description: 'Server-Sent Events that resume exactly where a client left, in Node, Python, Rust, C, C++, Go and Java',
  // Where the site is not at the root of its host, DOCS_BASE says so: '/ssecast/'.
  base: process.env.DOCS_BASE ?? '/',
  srcExclude: ['README.md', 'node_modules/**'],
  cleanUrls: false,
  metaChunk: true,
  // A link to a page that is not there fails the build. The references are made after it, and check.mjs looks at all of it.
  ignoreDeadLinks: [/^\/api\/(node|python|rust|c|java)\//],
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: `${process.env.DOCS_BASE ?? '/'}icon.svg` }]],
  markdown: { lineNumbers: false },
  themeConfig: {
    logo: '/icon.svg',
    search: { provider: 'local' },
    outline: [2, 3],
    socialLinks: [{ icon: 'github', link: REPOSITORY }],
    nav: [page('Guide', '/install'), page('API', '/api/'), page('Migration', '/migrate/'), page('Benchmarks', '/benchmarks')],
    sidebar: [
      { text: 'Start', items: [page('Install', '/install'), page('Five minutes', '/start'), page('Frameworks', '/guide/frameworks')] },
      {
        text: 'Guides',
        items: [
          page('Several workers and machines', '/guide/workers'),
          page('Reconnect and resume', '/guide/resume'),
          page('Reading a stream', '/guide/clients'),
          page('Authentication without headers', '/guide/authentication'),
          page('CORS', '/guide/cors'),
          page('Proxies and HTTP/2', '/guide/proxies'),
          page('Shutdown and deploys', '/guide/shutdown'),
          page('AI answers', '/guide/answers'),
          page('Docker', '/guide/docker'),
          page('Testing a stream', '/guide/testing'),
          page('Metrics', '/guide/metrics'),
          page('Limits, errors and conventions', '/guide/limits'),
          page('Troubleshooting', '/guide/troubleshooting'),
        ],
      },
      { text: 'Reference', items: [page('API of every language', '/api/')] },
      {
        text: 'Migration',
        items: [
          page('From which library', '/migrate/'),
          page('better-sse', '/migrate/better-sse'),
          page('express-sse', '/migrate/express-sse'),
          page('sse-channel', '/migrate/sse-channel'),
          page('eventsource-parser', '/migrate/eventsource-parser'),
          page('sse-starlette', '/migrate/sse-starlette'),
          page('flask-sse', '/migrate/flask-sse'),
          page('django-eventstream', '/migrate/django-eventstream'),
        ],
      },
      { text: 'Background', items: [page('How it works', '/how-it-works'), page('Benchmarks', '/benchmarks'), page('100,000 clients and more', '/scale')] },
    ],
    footer: { message: 'MIT or Apache-2.0, at your choice.' },
    editLink: { pattern: `${REPOSITORY}/edit/main/docs/:path`, text: 'Edit this page' },
  },
})
