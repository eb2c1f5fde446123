import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { asList } from '../support/api-client.ts'
import { backgroundOf, isTooWide, openPage, startBrowser } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'
import { connectSocket } from '../support/socket-client.ts'
import { startStack } from '../support/stack.ts'

const HOSTILE = '<img src=x onerror="alert(1)"> ‮"\'>{{7*7}}'

t.setTimeout(300_000)

/** A customer's server that is out of order until it is mended. */
async function startReceiver(t: Test) {
  let isMended = false
  const texts: unknown[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      if (isMended) texts.push(JSON.parse(body).data?.message)
      response.writeHead(isMended ? 200 : 503).end('{}')
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/hook`, texts, mend: () => (isMended = true) }
}

async function enter(page: Page, url: string, key: string) {
  await page.goto(`${url}/console`)
  await page.getByLabel('Platform key').fill(key)
  await page.keyboard.press('Enter')
}

t.test('the customers’ console, through the gateway', async (t) => {
  const receiver = await startReceiver(t)
  const stack = await startStack(t, {
    database: 'postgres',
    redis: true,
    cores: 2,
    coreEnv: { ALLOW_PRIVATE_UPSTREAMS: 'true' },
  })
  const { url, keys, platform } = stack
  const ann = await stack.createUser('ann', { nickname: HOSTILE })
  await stack.createUser('ben', { nickname: 'Ben' })
  const browser = await startBrowser(t)
  const { page, complaints } = await openPage(t, browser, { colorScheme: 'light' })
  const section = (name: string) => page.getByRole('navigation').getByRole('link', { name }).click()
  const sure = (label: string) => page.getByRole('dialog').getByRole('button', { name: label }).click()
  const said = (text: string | RegExp) => page.getByRole('status').filter({ hasText: text }).waitFor()

  await t.test('a key that is not known is refused in words', async (t) => {
    await enter(page, url, 'not-a-platform-key')
    await page.getByRole('alert').filter({ hasText: 'not known' }).waitFor()
    t.ok(await page.getByLabel('Platform key').isVisible())
    // The browser itself tells of a 401.
    t.equal(complaints.splice(0).length, 1)
  })

  await t.test('the key stays in the page’s memory', async (t) => {
    await enter(page, url, keys.platformKey)
    await page.getByRole('heading', { name: 'Settings' }).waitFor()
    t.same(await page.evaluate('[{ ...localStorage }, { ...sessionStorage }, document.cookie]'), [{}, {}, ''])
    t.notOk(page.url().includes(keys.platformKey))
    await page.reload()
    t.equal(await page.getByLabel('Platform key').inputValue(), '')
    await enter(page, url, keys.platformKey)
  })

  await t.test('settings are changed, with the key of a browser’s request', async (t) => {
    await page.getByLabel(/^Origins/).fill('https://shop.example\nhttps://app.example')
    await page.getByLabel('Webhook of the app').fill(receiver.url)
    await page.getByRole('button', { name: 'Save' }).click()
    await said('The settings are saved')
    t.match(await platform.ok('GET', '/admin/app'), {
      settings: {
        origins: ['https://shop.example', 'https://app.example'],
        webhookUrl: receiver.url,
        allowPlatformKeyFromBrowser: false,
      },
    })
    await page.getByLabel(/^Origins/).fill('not an origin')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('alert').filter({ hasText: 'origins' }).waitFor()
    t.match(complaints.splice(0), [/400/])
  })

  await t.test('a key is rotated: both are good, and the new one is told once', async (t) => {
    await section('Keys')
    await page.getByRole('button', { name: /^Rotate platform-key/ }).click()
    await sure('Rotate')
    await page.getByRole('heading', { name: 'The new platform-key, told this once' }).waitFor()
    const secret = (await page.locator('.secret').textContent()) ?? ''
    for (const key of [secret, keys.platformKey])
      t.match(await stack.client({ 'IM-API-KEY': key }).call('GET', '/admin/app'), { status: 200 })
    await said('good for a day')
    await page.getByRole('button', { name: /^Revoke client-key/ }).click()
    await page.keyboard.press('Escape')
    t.match(asList((await platform.ok('GET', '/admin/app/keys')).data), [{}, {}, { revokedAt: null }])
  })

  await t.test('users are found, and what they wrote is text', async (t) => {
    await section('Users')
    await page.getByText(HOSTILE).waitFor()
    t.equal(await page.locator('main img').count(), 0)
    await page.getByLabel('Id or nickname').fill('BEN')
    await page.keyboard.press('Enter')
    await page.getByText('1 to 1 of 1').waitFor()
    t.equal(await page.locator('tbody tr').count(), 1)
    await page.getByLabel('Id or nickname').fill('.*')
    await page.keyboard.press('Enter')
    await page.getByText('No user fits.').waitFor()
    await page.getByLabel('Id or nickname').fill('')
    await page.keyboard.press('Enter')
    await page.getByText('1 to 2 of 2').waitFor()
  })

  await t.test('tokens are issued and revoked, users shut out and let in', async (t) => {
    await page.getByRole('button', { name: 'Tokens of ben' }).click()
    await page.getByRole('button', { name: 'Issue a token' }).click()
    const token = (await page.locator('.secret').textContent()) ?? ''
    const status = async () => (await stack.as(token).call('GET', '/me')).status
    t.equal(await status(), 200)
    await page.getByRole('button', { name: 'Disable ben' }).click()
    await sure('Disable')
    await said('ben is shut out.')
    t.equal(await status(), 401)
    await page.getByRole('button', { name: 'Enable ben' }).click()
    await said('ben may come in again.')
    t.equal(await status(), 200)
    await page.getByRole('button', { name: 'Revoke all' }).click()
    await sure('Revoke')
    await page.getByText('No token is good.').waitFor()
    t.equal(await status(), 401)
  })

  await t.test('a socket is seen, whichever core holds it, and cut', async (t) => {
    const sockets = [1, 2, 3].map(() => connectSocket(t, 4, url, { reconnection: false }))
    for (const socket of sockets) {
      await socket.connected
      t.match(await socket.ask('auth', ann.token), { RC: 0 })
    }
    await section('Sockets')
    const cutButtons = page.getByRole('button', { name: 'Cut the socket of ann' })
    await eventually('all are shown', async () => (await cutButtons.count()) === 3)
    await cutButtons.first().click()
    await said('The socket of ann is cut.')
    await Promise.race(sockets.map((socket) => socket.disconnected))
    await eventually('two are left', async () => (await cutButtons.count()) === 2)
    t.equal(sockets.filter((socket) => socket.isConnected()).length, 2)
    t.notOk((await page.locator('main').textContent())?.includes(ann.token))
  })

  await t.test('a webhook that was given up is replayed', async () => {
    await ann.api.ok('POST', '/rooms/createAndJoin', { _id: 'r', roomType: 'group', name: 'R' })
    await ann.api.ok('POST', '/rooms/r/message', { message: 'hello' })
    await section('Webhooks')
    const lookAgain = page.getByRole('button', { name: 'Look again' })
    await eventually('it is being tried', async () => {
      await lookAgain.click()
      return page.getByRole('cell', { name: 'status-503' }).first().isVisible()
    })
    const db = new pg.Client({ connectionString: stack.postgres?.url })
    await db.connect()
    await db.query("UPDATE webhook_deliveries SET expires_at = now() - interval '1 day'")
    await db.query('UPDATE webhook_queues SET next_at = now()')
    await db.end()
    await eventually('it is given up', async () => {
      await lookAgain.click()
      return page
        .getByRole('button', { name: /^Replay delivery/ })
        .first()
        .isVisible()
    })
    receiver.mend()
    await page.getByRole('button', { name: 'Replay all' }).click()
    await said(/on (its|their) way again/)
    await eventually('it has come', async () => receiver.texts.includes('hello'))
  })

  await t.test('dark, narrow, and by keyboard alone', async (t) => {
    const light = await backgroundOf(page)
    await page.emulateMedia({ colorScheme: 'dark' })
    t.not(await backgroundOf(page), light)
    await page.setViewportSize({ width: 360, height: 740 })
    for (const [name, heading] of [
      ['App', 'App'],
      ['Keys', 'Keys'],
      ['Users', 'Users'],
      ['Sockets', 'Live sockets'],
      ['Webhooks', 'Webhooks'],
    ] as const) {
      await page.getByRole('navigation').getByRole('link', { name }).focus()
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { name: heading, exact: true }).waitFor()
      t.notOk(await isTooWide(page), name)
    }
    await page.getByRole('button', { name: 'Leave' }).focus()
    await page.keyboard.press('Enter')
    await page.getByLabel('Platform key').waitFor()
    t.equal(
      await page
        .locator('main')
        .textContent()
        .then((text) => text?.includes('ann')),
      false,
    )
  })

  await t.test('the page does not open the door for others', async (t) => {
    const origin = { Origin: 'https://evil.example', 'IM-API-KEY': keys.platformKey }
    for (const headers of [
      origin,
      { ...origin, 'IM-Console': '1' },
      { ...origin, 'IM-Console': '1', 'Sec-Fetch-Site': 'cross-site' },
      { ...origin, 'Sec-Fetch-Site': 'same-origin' },
    ])
      t.match(await stack.client(headers).call('GET', '/admin/app'), {
        status: 403,
        body: { error: { code: 'PLATFORM_KEY_FROM_BROWSER' } },
      })
  })

  t.same(complaints, [], 'the browser has nothing to say')
})
