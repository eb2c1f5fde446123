import t from 'tap'
import { backgroundOf, isTooWide, openPage, startBrowser } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'
import { connectSocket } from '../support/socket-client.ts'
import { startStack } from '../support/stack.ts'

t.setTimeout(240_000)

t.test('the operators’ console', async (t) => {
  const stack = await startStack(t, { gatewayEnv: { DRAIN_DELAY_MS: '60000' } })
  const [gateway] = stack.gateways
  if (gateway === undefined) throw new Error('there is a gateway')
  const browser = await startBrowser(t)
  const { page, complaints } = await openPage(t, browser, { colorScheme: 'light' })
  const tile = async (name: string) => {
    const value = page.locator('#tiles div', { has: page.getByText(name, { exact: true }) }).locator('dd')
    return Number.parseFloat((await value.textContent()) ?? '')
  }
  await page.goto(`${gateway.adminUrl}/`)
  await page.getByText('ready', { exact: true }).waitFor()
  const ann = await stack.createUser('ann')

  await t.test('figures move under traffic', async (t) => {
    let isOver = false
    const traffic = (async () => {
      while (!isOver) {
        await ann.api.call('GET', '/me')
        await stack.client({ 'IM-API-KEY': 'not-a-key' }).call('GET', '/me')
      }
    })()
    const socket = connectSocket(t, 4, stack.url)
    await socket.connected
    await eventually('requests', async () => (await tile('Requests per second')) > 0)
    await eventually('latency', async () => (await tile('99 of 100 are faster than')) > 0)
    await eventually('cache', async () => (await tile('Answered from memory')) > 0)
    await eventually('sockets', async () => (await tile('Sockets')) === 1)
    t.match(await page.locator('#refusals tbody').textContent(), /INVALID_API_KEY/)
    const core = new URL(stack.cores[0]?.url ?? '').host
    t.match(await page.locator('#upstreams tbody').textContent(), new RegExp(`${core}.*(healthy|suspicious)`))
    const described = await page
      .getByRole('img', { name: /^Requests per second: 2xx/ })
      .getAttribute('aria-label')
    t.match(described, /2xx [\d.]+k?, 3xx 0, 4xx [\d.]+/)
    t.equal(await page.locator('.charts canvas').count(), 4)
    isOver = true
    await traffic
    await eventually('and fall again', async () => (await tile('Requests per second')) === 0)
  })

  await t.test('polls, which wait on purpose, are no slow requests', async (t) => {
    const metric = async (name: string) => {
      const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
      const lines = text.split('\n').filter((line) => line.startsWith(name))
      return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
    }
    const untimed = async () =>
      (await metric('http_requests_total')) - (await metric('http_request_duration_seconds_count'))
    const before = await untimed()
    const socket = connectSocket(t, 4, stack.url, { transports: ['polling'] })
    await socket.connected
    socket.close()
    await eventually('they are counted, not timed', async () => (await untimed()) > before)
  })

  await t.test('the keyboard is enough', async (t) => {
    await eventually('the last socket is gone', async () => (await tile('Sockets')) === 0)
    await page.keyboard.press('1')
    t.equal(
      await page.getByRole('button', { name: '1 min', exact: true }).getAttribute('aria-pressed'),
      'true',
    )
    await page.keyboard.press('p')
    t.equal(await page.getByRole('button', { name: 'Pause' }).getAttribute('aria-pressed'), 'true')
    const label = () => page.getByRole('img', { name: /^Sockets/ }).getAttribute('aria-label')
    const before = await label()
    const socket = connectSocket(t, 4, stack.url)
    await socket.connected
    t.equal(await label(), before, 'it stands still')
    await page.keyboard.press('p')
    await eventually('and goes on', async () => (await label()) !== before)
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    t.equal(
      await page.getByRole('button', { name: '5 min', exact: true }).getAttribute('aria-pressed'),
      'true',
    )
  })

  await t.test('dark, and narrow', async (t) => {
    const light = await backgroundOf(page)
    await page.emulateMedia({ colorScheme: 'dark' })
    t.not(await backgroundOf(page), light)
    await page.setViewportSize({ width: 360, height: 740 })
    await eventually('the charts shrink', async () => !(await isTooWide(page)))
  })

  await t.test('a drain is seen', async () => {
    gateway.signal('SIGTERM')
    await page.getByText('draining', { exact: true }).waitFor()
    await page.getByText('Draining: it takes no new connections').waitFor()
  })

  t.same(complaints, [], 'the browser has nothing to say')
  gateway.signal('SIGTERM')
  await page.getByText('no answer', { exact: true }).waitFor()
})
