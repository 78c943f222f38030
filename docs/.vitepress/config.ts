import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'

const folder = fileURLToPath(new URL('../decisions', import.meta.url))
const decisions = readdirSync(folder)
  .filter((file) => file !== 'README.md')
  .map((file) => ({
    text: /^# (.+)$/m.exec(readFileSync(`${folder}/${file}`, 'utf8'))?.[1] ?? file,
    link: `/decisions/${file.replace(/\.md$/, '')}`,
  }))

export default defineConfig({
  title: 'devicehub',
  description: 'IoT products on your own backend, in TypeScript',
  cleanUrls: true,
  srcExclude: ['decisions/README.md'],
  themeConfig: {
    search: { provider: 'local' },
    nav: [
      { text: 'Quick start', link: '/quick-start' },
      { text: 'Concepts', link: '/concepts/way-of-a-message' },
      { text: 'Guides', link: '/guides/core' },
    ],
    sidebar: [
      {
        text: 'Start',
        items: [
          { text: 'Quick start', link: '/quick-start' },
          { text: 'Upgrading to 0.2', link: '/upgrading-0.2' },
        ],
      },
      {
        text: 'Concepts',
        items: [
          { text: 'Architecture', link: '/concepts/architecture' },
          { text: 'The way of a message', link: '/concepts/way-of-a-message' },
          { text: 'Invariants', link: '/concepts/invariants' },
          { text: 'The wire contract', link: '/concepts/wire-contract' },
          { text: 'Durations and times', link: '/concepts/durations' },
        ],
      },
      {
        text: 'Guides',
        items: [
          { text: 'core', link: '/guides/core' },
          { text: 'Devices, labels, selectors', link: '/guides/devices' },
          { text: 'signals', link: '/guides/signals' },
          { text: 'storage-kysely', link: '/guides/storage-kysely' },
          { text: 'mqtt-listener', link: '/guides/mqtt-listener' },
          { text: 'client', link: '/guides/client' },
          { text: 'provision', link: '/guides/provision' },
          { text: 'broker-auth', link: '/guides/broker-auth' },
          { text: 'http', link: '/guides/http' },
          { text: 'test-kit', link: '/guides/test-kit' },
          { text: 'Commands', link: '/guides/commands' },
          { text: 'Desired and reported state', link: '/guides/twin' },
          { text: 'History and charts', link: '/guides/history' },
          { text: 'Durable consumers', link: '/guides/consumers' },
          { text: 'One hub for many customers', link: '/guides/scopes' },
          { text: 'Your own storage', link: '/guides/own-storage' },
          { text: 'Bounds', link: '/guides/bounds' },
          { text: 'Which entry has what', link: '/guides/entries' },
          { text: 'Presence', link: '/guides/presence' },
          { text: 'Retention', link: '/guides/retention' },
          { text: 'Export', link: '/guides/export' },
          { text: 'More than one process', link: '/guides/more-than-one-process' },
          { text: 'Broker settings', link: '/guides/brokers' },
        ],
      },
      { text: 'Decisions', collapsed: true, items: decisions },
    ],
  },
})
