import t from 'tap'
import { isTooWide, openPage, startBrowser } from '../support/browser.ts'
import { startStack } from '../support/stack.ts'

t.setTimeout(240_000)

t.test('the reference page, through the gateway and without a credential', async (t) => {
  const { url } = await startStack(t)
  const browser = await startBrowser(t)
  const options = { colorScheme: 'dark', viewport: { width: 1200, height: 900 } } as const
  const { page, complaints } = await openPage(t, browser, options)
  await page.goto(`${url}/reference`)

  await t.test('shows every section and, opened, all of an endpoint', async (t) => {
    const sending = page.locator('#postRoomsIdMessage')
    await sending.locator('summary').first().click()
    for (const text of ['IM-Client-Key + IM-Authorization', 'CLIENT_KEY + Authorization', 'Hello, Ada'])
      await sending.getByText(text).first().waitFor()
    t.equal(new URL(page.url()).hash, '#postRoomsIdMessage')
    t.ok((await page.getByRole('navigation').getByRole('link').count()) > 5)
  })

  await t.test('finds by words, with the keyboard', async (t) => {
    await page.keyboard.press('/')
    await page.keyboard.type('reaction delete')
    t.equal(await page.locator('main details:visible').count(), 1)
    await page.keyboard.press('Control+A')
    await page.keyboard.type('nothing like this')
    t.equal(await page.getByRole('status').textContent(), 'Nothing fits.')
  })

  await t.test('opens at what its address names', async () => {
    await page.goto('about:blank')
    await page.goto(`${url}/reference#getMe`)
    await page.locator('#getMe[open]').waitFor()
  })

  await t.test('fits a narrow window', async (t) => {
    await page.setViewportSize({ width: 360, height: 740 })
    t.notOk(await isTooWide(page))
  })

  t.same(complaints, [], 'the browser has nothing to say')
})
