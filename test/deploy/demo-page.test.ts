import type { Browser, Locator, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { openPage, startBrowser } from '../support/browser.ts'
import { cableTo } from './cable.ts'
import { launch, temporaryDirectory } from './launch.ts'

/** One person at one window; what the browser complained of is kept. */
type Person = {
  page: Page
  complaints: string[]
  room(name: string): Locator
  composer: Locator
  bubble(text: string): Locator
  say(text: string): Promise<void>
}

async function arrive(t: Test, browser: Browser, url: string, name: string): Promise<Person> {
  const { page, complaints } = await openPage(t, browser)
  await page.goto(url)
  await page.getByRole('button', { name }).click()
  const composer = page.getByLabel('Message', { exact: true })
  return {
    page,
    complaints,
    composer,
    room: (title) => page.getByRole('navigation').getByRole('button', { name: title }),
    bubble: (text) => page.getByRole('log').locator('.message', { hasText: text }),
    say: async (text) => {
      await composer.fill(text)
      await composer.press('Enter')
    },
  }
}

t.setTimeout(240_000)

t.test('two people in two windows', async (t) => {
  const launched = launch(t, await temporaryDirectory(t))
  const demo = await launched.running
  t.equal(launched.stderr(), '', 'the demo introduced itself')
  const browser = await startBrowser(t)
  const cable = await cableTo(t, demo.gatewayUrl)
  const ada = await arrive(t, browser, demo.gatewayUrl, 'Ada Lovelace')
  const grace = await arrive(t, browser, cable.url, 'Grace Hopper')
  await ada.room('Lobby').waitFor()
  await grace.room('Lobby').waitFor()

  await t.test('one starts a chat, and it appears at the other with what was said', async (t) => {
    await ada.page.getByRole('button', { name: 'New chat' }).click()
    await ada.page.getByRole('checkbox', { name: 'Grace Hopper' }).check()
    await ada.page.getByRole('button', { name: 'Start chat' }).click()
    await ada.say('Good morning, Grace')
    await ada.bubble('Good morning').getByLabel('Sent', { exact: true }).waitFor()
    await grace.room('Ada Lovelace').getByLabel('1 unread').waitFor()
    t.match(await grace.page.title(), /^\(1\)/, 'the window’s title counts, too')
  })

  await t.test('reading it takes the badge away, and the writer sees that it was read', async () => {
    await grace.room('Ada Lovelace').click()
    await grace.bubble('Good morning').waitFor()
    await ada.bubble('Good morning').getByLabel('Read by Grace Hopper').waitFor()
    await grace.room('Ada Lovelace').getByLabel('1 unread').waitFor({ state: 'detached' })
  })

  await t.test('typing shows at the other end, and goes when the message comes', async () => {
    await grace.composer.pressSequentially('Good m')
    await ada.page.locator('.typing-line', { hasText: 'Grace is typing' }).waitFor()
    await grace.say('Good morning, Ada')
    await ada.bubble('Good morning, Ada').waitFor()
    await ada.page.locator('.typing-line', { hasText: /^$/ }).waitFor({ state: 'attached' })
  })

  await t.test('a message stands once, where it was written and where it was read', async (t) => {
    for (const person of [ada, grace]) {
      t.equal(await person.bubble('Good morning, Grace').count(), 1)
      t.equal(await person.bubble('Good morning, Ada').count(), 1)
    }
  })

  await t.test('markup in a message is text', async (t) => {
    const markup = '<img src=x onerror="document.title=1"><b>bold</b>'
    await ada.say(markup)
    await grace.bubble(markup).waitFor()
    t.equal(await grace.page.locator('.bubble img, .bubble b').count(), 0)
  })

  await t.test('what is unsent goes at both ends', async () => {
    await ada.say('wrong window')
    await grace.bubble('wrong window').waitFor()
    await ada.bubble('wrong window').hover()
    await ada.bubble('wrong window').getByRole('button', { name: 'Unsend' }).click()
    await grace.bubble('This message was unsent').waitFor()
    await grace.bubble('wrong window').waitFor({ state: 'detached' })
  })

  await t.test('a reload keeps the session, the room and the messages', async () => {
    await grace.page.reload()
    await grace.bubble('Good morning, Ada').waitFor()
    await ada.say('Still there?')
    await grace.bubble('Still there?').waitFor()
  })

  await t.test(
    'without a connection the page says so; when it is back, what was missed is there',
    async (t) => {
      cable.cut()
      await grace.page.getByText('Reconnecting').waitFor()
      await ada.say('You cannot hear this')
      await ada.bubble('You cannot hear this').getByLabel('Sent', { exact: true }).waitFor()
      await grace.say('Hello?')
      await grace.bubble('Hello?').getByRole('button', { name: 'Try again' }).waitFor()
      t.equal(await grace.bubble('You cannot hear this').count(), 0)

      cable.mend()
      await grace.bubble('You cannot hear this').waitFor()
      await grace.page.getByText('Reconnecting').waitFor({ state: 'hidden' })
      await grace.bubble('Hello?').getByRole('button', { name: 'Try again' }).click()
      await ada.bubble('Hello?').waitFor()
    },
  )

  await t.test('a group is one room for all of its members', async () => {
    await ada.page.getByRole('button', { name: 'New chat' }).click()
    await ada.page.getByRole('checkbox', { name: 'Grace Hopper' }).check()
    await ada.page.getByRole('checkbox', { name: 'Alan Turing' }).check()
    await ada.page.getByLabel('Name of the group').fill('Compilers')
    await ada.page.getByRole('button', { name: 'Start group of 3' }).click()
    await ada.page.getByRole('heading', { name: 'Compilers' }).waitFor()
    await ada.say('Welcome')
    await grace.room('Compilers').click()
    await grace.bubble('Welcome').waitFor()
  })

  await t.test('nothing on the way made the browser complain', async (t) => {
    const expected = /ERR_CONNECTION_|ERR_EMPTY_RESPONSE|ERR_SOCKET_NOT_CONNECTED|WebSocket connection/
    for (const { complaints } of [ada, grace])
      t.strictSame(
        complaints.filter((complaint) => !expected.test(complaint)),
        [],
      )
  })

  await t.test('revoking a user’s tokens signs that user’s page out, and nobody else’s', async (t) => {
    const revoked = await fetch(`${demo.gatewayUrl}/admin/clients/grace/token`, {
      method: 'DELETE',
      headers: { 'IM-API-KEY': demo.platformKey },
    })
    t.equal(revoked.status, 200)
    await grace.page.getByText('Your session has ended').waitFor()
    t.equal(await grace.page.evaluate('sessionStorage.length'), 0)
    await ada.say('Anybody?')
    await ada
      .bubble('Anybody?')
      .getByLabel(/^Sent|^Read/)
      .waitFor()
  })
})
